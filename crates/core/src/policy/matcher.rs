//! A trie over path segments: the most specific rule wins, segment by segment.

use std::borrow::Cow;
use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::pattern::{Part, Pattern};

/// Finds the rule of a path. Cost: one map lookup per segment, whatever the number of rules.
#[derive(Debug, Default)]
pub(super) struct Matcher {
    root: Node,
}

#[derive(Debug, Default)]
struct Node {
    /// A fast hash is good enough: all keys are the developer's, requests only ask for them.
    literals: HashMap<Box<str>, Self, FixedState>,
    parameter: Option<Box<Self>>,
    rest: Entries,
    ends: Entries,
}

/// The rules of one pattern, apart by method.
#[derive(Debug, Default)]
struct Entries {
    /// For every method that is not named below.
    any: Option<usize>,
    /// In the order of the methods.
    named: Vec<(Box<str>, usize)>,
}

impl Matcher {
    /// Adds a rule by its index; `methods` empty means all. The index of a rule that this one
    /// equals in pattern and method comes back as an error.
    pub(super) fn add(
        &mut self,
        pattern: &Pattern,
        methods: &[Box<str>],
        rule: usize,
    ) -> Result<(), usize> {
        let mut node = &mut self.root;
        for part in &pattern.parts {
            node = match part {
                Part::Literal(text) => node.literals.entry(text.clone()).or_default(),
                Part::Parameter => node.parameter.get_or_insert_default(),
                Part::Rest => return node.rest.add(methods, rule),
            };
        }
        node.ends.add(methods, rule)
    }

    /// The most specific rule for these decoded segments: at the first segment where two
    /// patterns differ, a literal beats a parameter, and a parameter beats a rest.
    pub(super) fn find<'p>(
        &self,
        segments: impl Iterator<Item = Cow<'p, str>> + Clone,
        method: &str,
    ) -> Option<usize> {
        self.root.find(segments, method)
    }
}

impl Node {
    /// The recursion is as deep as the longest pattern, and visits no node twice.
    fn find<'p>(
        &self,
        mut segments: impl Iterator<Item = Cow<'p, str>> + Clone,
        method: &str,
    ) -> Option<usize> {
        let found = match segments.next() {
            None => self.ends.find(method),
            Some(segment) => self
                .literals
                .get(&*segment)
                .and_then(|node| node.find(segments.clone(), method))
                .or_else(|| self.parameter.as_ref()?.find(segments, method)),
        };
        found.or_else(|| self.rest.find(method))
    }
}

impl Entries {
    fn add(&mut self, methods: &[Box<str>], rule: usize) -> Result<(), usize> {
        if methods.is_empty() {
            return match self.any {
                Some(other) => Err(other),
                None => {
                    self.any = Some(rule);
                    Ok(())
                }
            };
        }
        for method in methods {
            match self.place(method) {
                Ok(at) => return Err(self.named.get(at).map_or(rule, |(_, other)| *other)),
                Err(at) => self.named.insert(at, (method.clone(), rule)),
            }
        }
        Ok(())
    }

    fn find(&self, method: &str) -> Option<usize> {
        let at = self.place(method).ok();
        let named = at.and_then(|at| self.named.get(at));
        named.map(|(_, rule)| *rule).or(self.any)
    }

    /// Where `method` stands, or belongs.
    fn place(&self, method: &str) -> Result<usize, usize> {
        self.named.binary_search_by(|(own, _)| (**own).cmp(method))
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    /// How specific the parts of `pattern` are, if they match `path`.
    fn rank(pattern: &Pattern, path: &[&str]) -> Option<Vec<u8>> {
        let mut rank = Vec::new();
        let mut path = path.iter();
        for part in &pattern.parts {
            if *part == Part::Rest {
                rank.push(1);
                return Some(rank);
            }
            let segment = path.next()?;
            rank.push(match part {
                Part::Literal(text) if **text == **segment => 3,
                Part::Literal(_) => return None,
                Part::Parameter | Part::Rest => 2,
            });
        }
        // The end of a path is more than a rest that takes nothing.
        rank.push(2);
        path.next().is_none().then_some(rank)
    }

    fn pattern() -> impl Strategy<Value = (Pattern, Vec<Box<str>>)> {
        let segments = vec(select(vec!["a", "b", "{x}", "{x}"]), 0..4);
        let methods = vec(select(vec!["GET", "POST"]), 0..2);
        (segments, any::<bool>(), methods).prop_map(|(mut segments, rest, methods)| {
            if rest {
                segments.push("{*rest}");
            }
            let pattern = Pattern::parse(&format!("/{}", segments.join("/")))
                .ok()
                .unwrap();
            (pattern, methods.into_iter().map(Into::into).collect())
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

        /// The same as asking every rule in turn.
        #[test]
        fn the_trie_finds_the_most_specific_of_all_rules(
            rules in vec(pattern(), 1..20),
            path in vec(select(vec!["a", "b", "c"]), 0..5),
            method in select(vec!["GET", "POST", "HEAD"]),
        ) {
            let mut matcher = Matcher::default();
            let added = |(index, (pattern, methods)): &(usize, &(Pattern, Vec<Box<str>>))| {
                matcher.add(pattern, methods, *index).is_ok()
            };
            let rules: Vec<_> = rules.iter().enumerate().filter(added).collect();
            let candidates = rules.iter().filter_map(|(index, (pattern, methods))| {
                let named = methods.iter().any(|own| **own == *method);
                let rank = rank(pattern, &path)?;
                (named || methods.is_empty()).then_some((Reverse((rank, named)), *index))
            });
            let want = candidates.min().map(|(_, index)| index);
            let segments = path.iter().map(|segment| Cow::Borrowed(*segment));
            prop_assert_eq!(matcher.find(segments, method), want);
        }
    }

    #[test]
    fn many_rules_and_many_methods_are_all_found() {
        let mut matcher = Matcher::default();
        let name = |n: usize| format!("r{n}");
        for n in 0..10_000 {
            let pattern = Pattern::parse(&format!("/api/{}", name(n))).ok().unwrap();
            matcher.add(&pattern, &[], n).unwrap();
        }
        let methods: Vec<Box<str>> = (0..1_000).map(|n| name(n).into()).collect();
        let pattern = Pattern::parse("/api/{id}").ok().unwrap();
        matcher.add(&pattern, &methods, 10_000).unwrap();
        assert_eq!(matcher.add(&pattern, &methods[7..8], 10_001), Err(10_000));
        let find = |segment: &str, method: &str| {
            let segments = ["api", segment]
                .into_iter()
                .map(|s| Cow::Owned(s.to_owned()));
            matcher.find(segments, method)
        };
        for n in 0..10_000 {
            assert_eq!(find(&name(n), "GET"), Some(n));
        }
        for method in &methods {
            assert_eq!(find("else", method), Some(10_000));
        }
        assert_eq!(find("else", "GET"), None);
    }
}
