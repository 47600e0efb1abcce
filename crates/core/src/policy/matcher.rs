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
