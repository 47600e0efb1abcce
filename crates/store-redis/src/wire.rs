//! What goes to Redis and comes back.

use clerk_gate_core::UnixTime;
use redis::{FromRedisValue, ParsingError, RedisWrite, ToRedisArgs, Value, from_redis_value};

/// A time as 20 digits, which are in the order of the times: the seconds since the earliest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) UnixTime);

impl Time {
    fn to_text(self) -> String {
        format!("{:020}", self.0.as_secs().cast_unsigned() ^ SIGN)
    }

    fn from_number(number: u64) -> Self {
        Self(UnixTime::from_secs((number ^ SIGN).cast_signed()))
    }
}

impl ToRedisArgs for Time {
    fn write_redis_args<W: ?Sized + RedisWrite>(&self, out: &mut W) {
        out.write_arg(self.to_text().as_bytes());
    }
}

impl FromRedisValue for Time {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        from_redis_value(value).map(Self::from_number)
    }
}

/// What the script `begin.lua` says.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    Busy(Time),
    Done,
    Fresh { attempt: u32 },
}

impl FromRedisValue for Answer {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let (word, detail): (String, Value) = from_redis_value(value)?;
        match word.as_str() {
            "busy" => from_redis_value(detail).map(Self::Busy),
            "done" => Ok(Self::Done),
            "fresh" => from_redis_value(detail).map(|attempt| Self::Fresh { attempt }),
            _ => Err(format!("answer {word:?} is unknown").into()),
        }
    }
}

/// The bit whose change turns the order of signed numbers into that of unsigned ones.
const SIGN: u64 = 1 << 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_in_the_order_of_their_times() {
        let seconds = [
            i64::MIN,
            i64::MIN + 1,
            -1,
            0,
            1,
            1_700_000_000,
            i64::MAX - 1,
            i64::MAX,
        ];
        let times = seconds.map(|seconds| Time(UnixTime::from_secs(seconds)));
        let texts = times.map(Time::to_text);
        assert!(texts.is_sorted_by(|a, b| a < b), "{texts:?}");
        for (time, text) in times.iter().zip(texts) {
            assert_eq!(text.len(), 20);
            let read = Time::from_redis_value(Value::BulkString(text.into_bytes()));
            assert_eq!(read, Ok(*time));
        }
    }

    #[test]
    fn an_answer_is_one_of_three_words() {
        fn check(word: &str, detail: &str, want: Option<&Answer>) {
            let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
            let value = Value::Array(vec![text(word), text(detail)]);
            let answer = Answer::from_redis_value(value).ok();
            assert_eq!(answer.as_ref(), want, "{word} {detail}");
        }
        let epoch = Time(UnixTime::default());
        check("busy", "09223372036854775808", Some(&Answer::Busy(epoch)));
        check("busy", "soon", None);
        check("done", "", Some(&Answer::Done));
        check("fresh", "2", Some(&Answer::Fresh { attempt: 2 }));
        check("fresh", "-2", None);
        check("late", "", None);
    }
}
