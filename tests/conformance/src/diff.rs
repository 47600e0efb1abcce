//! Differences between two texts, line by line.

/// The lines of both texts in order: `-` before what only `wanted` has, `+` before what only
/// `got` has, a space before what both have.
pub fn lines(wanted: &[String], got: &[String]) -> String {
    let mut text = String::new();
    let (mut wanted, mut got) = (wanted, got);
    let common = longest_common(wanted, got);
    for shared in common {
        wanted = emit(&mut text, '-', wanted, shared);
        got = emit(&mut text, '+', got, shared);
        text.push_str(&format!(" {shared}\n"));
    }
    for line in wanted {
        text.push_str(&format!("-{line}\n"));
    }
    for line in got {
        text.push_str(&format!("+{line}\n"));
    }
    text
}

/// Writes the lines before the next `shared` one and returns the lines behind it.
fn emit<'a>(text: &mut String, sign: char, lines: &'a [String], shared: &str) -> &'a [String] {
    let at = lines
        .iter()
        .position(|line| line == shared)
        .unwrap_or(lines.len());
    for line in &lines[..at] {
        text.push_str(&format!("{sign}{line}\n"));
    }
    lines.get(at + 1..).unwrap_or_default()
}

/// The longest sequence of lines that both have in this order.
fn longest_common<'a>(a: &'a [String], b: &[String]) -> Vec<&'a str> {
    let mut best = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            best[i][j] = if a[i] == b[j] {
                best[i + 1][j + 1] + 1
            } else {
                best[i + 1][j].max(best[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut common) = (0, 0, Vec::new());
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            common.push(a[i].as_str());
            (i, j) = (i + 1, j + 1);
        } else if best[i + 1][j] >= best[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    common
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_stands_once_with_its_sign() {
        fn check(wanted: &str, got: &str, text: &str) {
            let split = |s: &str| s.split(' ').map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(lines(&split(wanted), &split(got)), text);
        }
        check("a b c", "a b c", " a\n b\n c\n");
        check("a b c", "a x c", " a\n-b\n+x\n c\n");
        check("a", "b", "-a\n+b\n");
        check("a a b", "b a b", "+b\n a\n-a\n b\n");
    }
}
