//! What a delivery says: an event, typed as far as Clerk documents its types.

mod entities;
mod payload;
#[cfg(test)]
mod testing;

use std::error::Error;
use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use self::entities::{
    Deleted, EmailAddress, Invitation, Membership, Organization, PhoneNumber, PublicUserData,
    SessionData, User,
};
pub use self::payload::{Payload, Untyped};

/// The event in a delivery: what has happened in Clerk, and to whom.
///
/// Types and members that this version does not know are no error. All of them stay in
/// [`to_json`](Self::to_json) and can be read with [`data`](Self::data).
///
/// ```
/// use clerk_gate_core::webhook::{Event, EventError, Payload};
///
/// /// Whose data is to be erased.
/// fn erased(body: &[u8]) -> Result<Option<String>, EventError> {
///     match Event::parse(body)?.payload() {
///         Payload::UserDeleted(user) => Ok(Some(user.id.clone())),
///         Payload::Misfit { error, .. } => Err(error.clone()),
///         _ => Ok(None),
///     }
/// }
///
/// let body = br#"{"type": "user.deleted", "data": {"id": "user_1", "deleted": true}}"#;
/// assert_eq!(erased(body)?.as_deref(), Some("user_1"));
/// # Ok::<(), EventError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    json: String,
    kind: String,
    timestamp: Option<i64>,
    instance_id: Option<String>,
    client_ip: Option<String>,
    user_agent: Option<String>,
    version: Option<Version>,
    payload: Payload,
}

impl Event {
    /// Parses the body of a delivery.
    ///
    /// # Errors
    /// If the body is not JSON, its member `type` not a string, or its member `data` not an
    /// object. Data that does not fit its type is no error but [`Payload::Misfit`].
    ///
    /// # Security
    /// This verifies nothing: give it the body of a [`Delivery`](super::Delivery).
    pub fn parse(body: &[u8]) -> Result<Self, EventError> {
        let json = str::from_utf8(body).map_err(|error| {
            let valid = error.valid_up_to();
            EventError(format!("event: not UTF-8 after {valid} bytes"))
        })?;
        let mut document: Value = serde_json::from_str(json).map_err(|error| {
            let place = Place(&error);
            EventError(format!("event: not JSON at {place}"))
        })?;
        let text = |pointer| document.pointer(pointer)?.as_str().map(str::to_owned);
        let kind = text("/type")
            .ok_or_else(|| EventError(r#"event: member "type" is not a string"#.to_owned()))?;
        let instance_id = text("/instance_id");
        let client_ip = text("/event_attributes/http_request/client_ip");
        let user_agent = text("/event_attributes/http_request/user_agent");
        let timestamp = document.get("timestamp").and_then(Value::as_i64);
        let data = document
            .get_mut("data")
            .filter(|data| data.is_object())
            .ok_or_else(|| EventError(r#"event: member "data" is not an object"#.to_owned()))?
            .take();
        Ok(Self {
            version: Version::of(&kind, &data),
            payload: Payload::read(&kind, data, json),
            json: json.to_owned(),
            kind,
            timestamp,
            instance_id,
            client_ip,
            user_agent,
        })
    }

    /// The member `type`, case-sensitive: `organizationMembership.created`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// What the event says, by its type.
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// Which state of which entity the event shows; `None` for types without `updated_at`, such
    /// as `email.created`.
    pub fn version(&self) -> Option<&Version> {
        self.version.as_ref()
    }

    /// When it happened, in milliseconds since the Unix epoch.
    pub fn timestamp(&self) -> Option<i64> {
        self.timestamp
    }

    /// The Clerk instance it happened in: `ins_…`.
    ///
    /// # Security
    /// Where two instances share a signing secret by mistake, this alone tells them apart.
    pub fn instance_id(&self) -> Option<&str> {
        self.instance_id.as_deref()
    }

    /// The IP address of the client whose request to Clerk caused the event, as Clerk wrote it.
    pub fn client_ip(&self) -> Option<&str> {
        self.client_ip.as_deref()
    }

    /// The `User-Agent` of the client whose request to Clerk caused the event.
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    /// The member `data` as a type of the application's own.
    ///
    /// # Errors
    /// If the data does not have the shape of `T`.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, EventError> {
        data(&self.kind, &self.json)
    }

    /// The whole event, the very text that came.
    ///
    /// # Security
    /// Personal data, private metadata and one-time codes are in it: do not log it.
    pub fn to_json(&self) -> &str {
        &self.json
    }
}

/// Which state of which entity an event shows.
///
/// Deliveries may arrive in any order. A handler that keeps the newest `updated_at` in its own
/// row, and changes the row only for a newer one, ends with the last state. A deletion is newer
/// than every update: keep the row of a deleted entity, or a late update brings it back.
///
/// ```
/// use std::collections::HashMap;
///
/// use clerk_gate_core::webhook::{Event, EventError, Payload};
///
/// /// Users by id: the newest `updated_at`, and the name unless deleted.
/// type Rows = HashMap<String, (i64, Option<String>)>;
///
/// fn handle(rows: &mut Rows, body: &str) -> Result<(), EventError> {
///     let event = Event::parse(body.as_bytes())?;
///     let name = match event.payload() {
///         Payload::UserCreated(user) | Payload::UserUpdated(user) => user.first_name.clone(),
///         Payload::UserDeleted(_) => None,
///         Payload::Misfit { error, .. } => return Err(error.clone()),
///         _ => return Ok(()),
///     };
///     if let Some(version) = event.version() {
///         let row = rows.entry(version.entity_id.clone()).or_default();
///         if version.is_newer_than(row.0) {
///             *row = (version.updated_at, name);
///         }
///     }
///     Ok(())
/// }
///
/// let user = |name, updated_at| {
///     format!(
///         r#"{{"type": "user.updated", "data": {{"id": "user_1", "first_name": "{name}",
///             "email_addresses": [], "phone_numbers": [],
///             "created_at": 1, "updated_at": {updated_at}}}}}"#
///     )
/// };
/// let deleted = r#"{"type": "user.deleted", "data": {"id": "user_1", "deleted": true}}"#;
///
/// let mut rows = Rows::new();
/// handle(&mut rows, &user("New", 3))?;
/// handle(&mut rows, &user("Old", 2))?;
/// assert_eq!(rows["user_1"].1.as_deref(), Some("New"));
/// handle(&mut rows, deleted)?;
/// handle(&mut rows, &user("Late", 4))?;
/// assert_eq!(rows["user_1"].1, None);
/// # Ok::<(), EventError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Version {
    /// The id of the entity: `user_…`, `org_…`. Clerk gives no id twice.
    pub entity_id: String,
    /// The entity's own `updated_at`, in milliseconds since the Unix epoch; `i64::MAX` for a
    /// deletion.
    pub updated_at: i64,
}

impl Version {
    /// Whether this state came after the one whose `updated_at` is `stored`. No state is newer
    /// than itself.
    pub fn is_newer_than(&self, stored: i64) -> bool {
        self.updated_at > stored
    }

    fn of(kind: &str, data: &Value) -> Option<Self> {
        let updated_at = if kind.ends_with(".deleted") {
            i64::MAX
        } else {
            data.get("updated_at")?.as_i64()?
        };
        Some(Self {
            entity_id: data.get("id")?.as_str()?.to_owned(),
            updated_at,
        })
    }
}

/// A body that is no event, or data that does not have the wanted shape.
///
/// The message says what is wrong and where. Of the body it quotes the type alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventError(String);

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for EventError {}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("kind", &self.kind)
            .field("timestamp", &self.timestamp)
            .field("instance_id", &self.instance_id)
            .field("payload", &self.payload)
            .finish_non_exhaustive()
    }
}

/// Reads the member `data` out of the text of an event.
fn data<T: DeserializeOwned>(kind: &str, json: &str) -> Result<T, EventError> {
    #[derive(Deserialize)]
    struct Document<T> {
        data: T,
    }

    match serde_json::from_str::<Document<T>>(json) {
        Ok(document) => Ok(document.data),
        Err(error) => {
            let place = Place(&error);
            let message = format!("event {kind:?}: data does not have the wanted shape at {place}");
            Err(EventError(message))
        }
    }
}

/// Where an error is. What serde says of it is left out: that quotes the text.
struct Place<'e>(&'e serde_json::Error);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.0.line(), self.0.column())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;
    use proptest::sample::select;
    use proptest::test_runner::RngSeed;
    use serde_json::json;

    use super::testing::{SAMPLES, event, sample};
    use super::*;

    /// The same inputs on every run.
    fn config() -> ProptestConfig {
        ProptestConfig {
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(20_270_115),
            ..ProptestConfig::with_cases(256)
        }
    }

    /// Any JSON value.
    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Value::from),
                btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    /// Members whose names Clerk does not use.
    fn unknown_members() -> impl Strategy<Value = serde_json::Map<String, Value>> {
        btree_map("x_[a-z]{0,8}", any_json(), 0..4)
            .prop_map(|members| members.into_iter().collect())
    }

    /// Every string but ids, every number but times and every member name of ours is made a
    /// secret, and every object gets a secret more.
    fn plant(name: &str, value: &mut Value) {
        let is_id = name == "id" || (name.ends_with("_id") && name != "external_id");
        match value {
            Value::String(text) if !is_id => *text = PLANTED.to_owned(),
            Value::Number(number) if !name.ends_with("_at") => *number = PLANTED_NUMBER.into(),
            Value::Array(list) => list.iter_mut().for_each(|value| plant(name, value)),
            Value::Object(members) => {
                for (name, value) in members.iter_mut() {
                    plant(name, value);
                }
                members.insert(PLANTED.to_owned(), Value::from(PLANTED));
            }
            _ => {}
        }
    }

    fn shows_nothing(shown: &impl fmt::Debug) {
        for text in [format!("{shown:?}"), format!("{shown:#?}")] {
            assert!(!text.contains(PLANTED), "{text}");
            assert!(!text.contains(&PLANTED_NUMBER.to_string()), "{text}");
        }
    }

    fn planted(kind: &str, sample: &str) -> Event {
        let mut data = serde_json::from_str(sample).unwrap();
        plant("data", &mut data);
        let mut event = event(kind, &data);
        plant("event_attributes", &mut event["event_attributes"]);
        Event::parse(event.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn debug_shows_types_ids_and_times_alone() {
        for (kind, sample) in SAMPLES {
            let event = planted(kind, sample);
            shows_nothing(&event);
            let debug = format!("{event:?}");
            assert!(debug.contains(kind), "{debug}");
            assert!(!debug.contains("Misfit"), "{debug}");
            let misfit = planted("user.created", &sample.replace("created_at", "made_at"));
            assert!(matches!(misfit.payload(), Payload::Misfit { .. }), "{kind}");
            shows_nothing(&misfit);
            shows_nothing(&planted("from.tomorrow", sample));
        }
    }

    #[test]
    fn debug_of_a_part_shows_no_more() {
        let event = planted("user.created", sample("user.created"));
        let Payload::UserCreated(user) = event.payload() else {
            panic!("{event:?}");
        };
        assert_eq!(user.first_name.as_deref(), Some(PLANTED));
        shows_nothing(user);
        shows_nothing(&user.email_addresses);
        shows_nothing(&user.phone_numbers);
        shows_nothing(&user.public_metadata);
        shows_nothing(&user.private_metadata);
        shows_nothing(&user.unsafe_metadata);
    }

    #[test]
    fn an_error_never_quotes_the_body() {
        let event = planted("user.created", sample("user.created"));
        let json = event.to_json();
        for end in (0..json.len()).filter(|end| json.is_char_boundary(*end)) {
            let error = Event::parse(&json.as_bytes()[..end]).unwrap_err();
            assert!(
                error.to_string().starts_with("event: not JSON at line "),
                "{error}"
            );
            shows_nothing(&error);
        }
        let error = event.data::<Vec<u8>>().unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with(r#"event "user.created": data "#),
            "{error}"
        );
        shows_nothing(&error);
    }

    #[test]
    fn the_envelope_is_read() {
        let body = event("user.deleted", &json!({"id": "user_1"})).to_string();
        let event = Event::parse(body.as_bytes()).unwrap();
        assert_eq!(event.kind(), "user.deleted");
        assert_eq!(event.timestamp(), Some(1_800_000_000_123));
        assert_eq!(event.instance_id(), Some("ins_1"));
        assert_eq!(event.client_ip(), Some("203.0.113.7"));
        assert_eq!(event.user_agent(), Some("Example/1.0"));
        assert_eq!(event.to_json(), body);
    }

    #[test]
    fn only_the_type_and_the_data_are_demanded() {
        let ok = [
            r#"{"type":"a","data":{}}"#,
            r#"{"type":"","data":{},"object":7}"#,
            r#" {"type":"a","data":{},"timestamp":"1","instance_id":7,"event_attributes":[]} "#,
            r#"{"type":"a","data":{},"event_attributes":{"http_request":{"client_ip":null}}}"#,
            r#"{"type":"user.created","data":{}}"#,
        ];
        for body in ok {
            let event = Event::parse(body.as_bytes()).unwrap();
            assert_eq!(
                (event.timestamp(), event.instance_id()),
                (None, None),
                "{body}"
            );
            assert_eq!(
                (event.client_ip(), event.user_agent()),
                (None, None),
                "{body}"
            );
        }
        let no_type = r#"event: member "type" is not a string"#;
        let no_data = r#"event: member "data" is not an object"#;
        for (body, want) in [
            ("", "event: not JSON at line 1, column 0"),
            ("{\"type\":\n\"a\",}", "event: not JSON at line 2, column 5"),
            (
                r#"{"type":"a","data":{}} x"#,
                "event: not JSON at line 1, column 24",
            ),
            ("[]", no_type),
            ("null", no_type),
            (r#""type""#, no_type),
            (r#"{"data":{}}"#, no_type),
            (r#"{"type":7,"data":{}}"#, no_type),
            (r#"{"Type":"a","data":{}}"#, no_type),
            (r#"{"type":"a"}"#, no_data),
            (r#"{"type":"a","data":null}"#, no_data),
            (r#"{"type":"a","data":[]}"#, no_data),
            (r#"{"type":"a","data":"{}"}"#, no_data),
        ] {
            let error = Event::parse(body.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), want, "{body}");
        }
        let error = Event::parse(b"{\"type\":\"\xff\"}").unwrap_err();
        assert_eq!(error.to_string(), "event: not UTF-8 after 9 bytes");
    }

    #[test]
    fn a_version_orders_the_states_of_one_entity() {
        for (kind, data, want) in [
            ("user.created", json!({"id": "a", "updated_at": 5}), Some(5)),
            (
                "role.updated",
                json!({"id": "a", "updated_at": -5}),
                Some(-5),
            ),
            (
                "from.tomorrow",
                json!({"id": "a", "updated_at": 5}),
                Some(5),
            ),
            ("user.deleted", json!({"id": "a"}), Some(i64::MAX)),
            (
                "role.deleted",
                json!({"id": "a", "updated_at": 5}),
                Some(i64::MAX),
            ),
            ("user.Deleted", json!({"id": "a"}), None),
            ("deleted", json!({"id": "a"}), None),
            ("user.deleted", json!({}), None),
            ("user.updated", json!({"updated_at": 5}), None),
            ("user.updated", json!({"id": 7, "updated_at": 5}), None),
            ("user.updated", json!({"id": "a", "updated_at": "5"}), None),
            ("email.created", json!({"id": "a"}), None),
        ] {
            let body = event(kind, &data).to_string();
            let event = Event::parse(body.as_bytes()).unwrap();
            let got = event
                .version()
                .map(|version| (&*version.entity_id, version.updated_at));
            assert_eq!(got, want.map(|updated_at| ("a", updated_at)), "{body}");
        }
        let version = |updated_at| Version {
            entity_id: "a".to_owned(),
            updated_at,
        };
        assert!(version(6).is_newer_than(5));
        assert!(!version(5).is_newer_than(5));
        assert!(!version(4).is_newer_than(5));
        assert!(version(i64::MAX).is_newer_than(i64::MAX - 1));
        assert!(!version(i64::MAX - 1).is_newer_than(i64::MAX));
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn nothing_is_lost_and_nothing_unknown_is_in_the_way(
            (kind, sample) in select(&SAMPLES[..]),
            unknown_type in proptest::option::of("[a-zA-Z]{1,8}\\.x[a-zA-Z]{0,8}"),
            outside in unknown_members(),
            inside in unknown_members(),
            pretty in any::<bool>(),
        ) {
            let mut data: Value = serde_json::from_str(sample).unwrap();
            data.as_object_mut().unwrap().extend(inside);
            let mut document = event(unknown_type.as_deref().unwrap_or(kind), &data);
            document.as_object_mut().unwrap().extend(outside);
            let body = if pretty {
                format!("{document:#}")
            } else {
                document.to_string()
            };
            let event = Event::parse(body.as_bytes()).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Value>(event.to_json()).unwrap(), &document);
            prop_assert_eq!(&event.data::<Value>().unwrap(), &document["data"]);
            prop_assert_eq!(Value::from(event.kind()), document["type"].clone());
            match event.payload() {
                Payload::Misfit { error, .. } => prop_assert!(false, "{}", error),
                Payload::Unknown(data) => {
                    prop_assert!(unknown_type.is_some());
                    prop_assert_eq!(data.as_value(), &document["data"]);
                }
                _ => prop_assert!(unknown_type.is_none()),
            }
        }

        #[test]
        fn whatever_data_a_known_type_has_is_kept(
            (kind, _) in select(&SAMPLES[..]),
            members in btree_map(select(&MEMBERS[..]), any_json(), 0..6),
        ) {
            let data: Value = members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
            let event = Event::parse(event(kind, &data).to_string().as_bytes()).unwrap();
            if let Payload::Misfit { data: kept, .. } = event.payload() {
                prop_assert_eq!(kept.as_value(), &data);
            }
            prop_assert_eq!(event.data::<Value>().unwrap(), data);
        }

        #[test]
        fn no_body_makes_it_panic(body in vec(any::<u8>(), 0..64), json in any_json()) {
            let _ = Event::parse(&body);
            prop_assert!(Event::parse(json.to_string().as_bytes()).is_err());
        }
    }

    const PLANTED: &str = "correct horse";
    const PLANTED_NUMBER: i64 = 86_420_513;

    /// Some members that entities have.
    const MEMBERS: [&str; 6] = [
        "created_at",
        "email_addresses",
        "id",
        "organization",
        "public_metadata",
        "user",
    ];
}
