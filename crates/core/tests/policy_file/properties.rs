//! A rule by file is the rule by builder, whatever is in it.

use clerk_gate_core::{Level, Policy, Requirement, Reverification, Rule};
use proptest::prelude::*;

use crate::rules;

/// A condition, as the builder and as a file write it.
fn condition() -> impl Strategy<Value = (Requirement, String)> {
    let name = "[a-z]{1,8}(:[a-z]{1,8})?";
    // Of an organization, of a user, or of either.
    let slug = "((org|o|user|u):)?[a-z]{3,8}";
    prop_oneof![
        name.prop_map(|n| (Requirement::role(n.as_str()), format!("role = {n:?}"))),
        name.prop_map(|n| (
            Requirement::permission(n.as_str()),
            format!("permission = {n:?}")
        )),
        slug.prop_map(|n| (Requirement::feature(n.as_str()), format!("feature = {n:?}"))),
        slug.prop_map(|n| (Requirement::plan(n.as_str()), format!("plan = {n:?}"))),
        Just((
            Requirement::no_impersonation(),
            "no_impersonation = true".to_owned()
        )),
        (60..i64::MAX).prop_map(|s| (Requirement::token_age(s), format!("token_age = {s}"))),
        reverification().prop_map(|(demand, text)| {
            (
                Requirement::reverified(demand),
                format!("reverification = {text}"),
            )
        }),
    ]
}

fn reverification() -> impl Strategy<Value = (Reverification, String)> {
    let preset = prop::sample::select(vec![
        (Reverification::STRICT_MFA, "strict_mfa"),
        (Reverification::STRICT, "strict"),
        (Reverification::MODERATE, "moderate"),
        (Reverification::LAX, "lax"),
    ]);
    let level = prop::sample::select(vec![
        Level::FirstFactor,
        Level::MultiFactor,
        Level::SecondFactor,
    ]);
    let custom = (level, 1..u32::MAX).prop_map(|(level, minutes)| {
        let text = format!("level = \"{level}\", after_minutes = {minutes}");
        (Reverification::within(level, minutes), text)
    });
    let named = preset.prop_map(|(preset, name)| (preset, format!("preset = \"{name}\"")));
    (prop_oneof![named, custom], any::<bool>()).prop_map(|((demand, text), demanding)| {
        if demanding {
            let text = format!("{{ {text}, demanding_second_factor = true }}");
            (demand.demanding_second_factor(), text)
        } else {
            (demand, format!("{{ {text} }}"))
        }
    })
}

/// Conditions as a list, in which two may be of one kind, and what a policy says of them.
fn conditions() -> impl Strategy<Value = (String, String)> {
    prop::collection::vec(condition(), 1..4).prop_map(|parts| {
        let texts: Vec<_> = parts
            .iter()
            .map(|(_, text)| format!("{{ {text} }}"))
            .collect();
        let names: Vec<_> = parts.iter().map(|(one, _)| one.to_string()).collect();
        (format!("all = [{}]", texts.join(", ")), names.join(", "))
    })
}

proptest! {
    #[test]
    fn a_rule_by_file_is_the_rule_by_builder(
        (requirement, text) in condition(),
        (guard, guard_text) in condition(),
        kind in 0..4_u8,
        treatment in 0..3_u8,
        opaque in any::<bool>(),
        methods in prop::collection::vec("[A-Z]{3,7}", 0..3),
    ) {
        let (rule, mut keys) = match kind {
            0 => (Rule::assets("/a/{b}"), "access = \"assets\"".to_owned()),
            1 => (Rule::public("/a/{b}"), "access = \"public\"".to_owned()),
            2 => (Rule::session("/a/{b}"), "access = \"session\"".to_owned()),
            _ => (Rule::require("/a/{b}", requirement), text),
        };
        let mut rule = rule.methods(methods.iter().map(String::as_str));
        if opaque {
            keys.push_str(", opaque_segments = true");
            rule = rule.opaque_segments();
        }
        match treatment {
            0 => {}
            1 => {
                keys.push_str(", sensitive = true");
                rule = rule.sensitive();
            }
            _ => {
                keys.push_str(&format!(", safeguards = {{ {guard_text} }}"));
                rule = rule.safeguards(guard);
            }
        }
        let methods: String = methods.iter().map(|method| format!("{method} ")).collect();
        let file = format!("[routes]\n\"{methods}/a/{{b}}\" = {{ {keys} }}\n");

        let by_file = Policy::from_toml(&file);
        let by_builder = Policy::builder().rule(rule).build();
        match (by_file, by_builder) {
            (Ok(file), Ok(built)) => prop_assert_eq!(rules(&file), rules(&built)),
            (Err(file), Err(built)) => {
                let told = |e: &clerk_gate_core::ConfigError| e.problem().to_owned();
                let file: Vec<_> = file.iter().map(told).collect();
                let built: Vec<_> = built.iter().map(told).collect();
                prop_assert_eq!(file, built);
            }
            (one, other) => prop_assert!(false, "{file}: {one:?} {other:?}"),
        }
    }

    #[test]
    fn conditions_of_one_kind_keep_their_order((text, names) in conditions()) {
        let policy = Policy::from_toml(&format!("[routes]\n'/a' = {{ {text} }}\n"));
        let policy = policy.expect("no mistake");
        let access = policy.rules().next().map(|rule| rule.access().to_string());
        prop_assert_eq!(access, Some(format!("a session with {names}")));
    }

    #[test]
    fn no_text_brings_it_down(text in "(?s).{0,80}") {
        let _ = Policy::from_toml(&text);
        let _ = Policy::from_toml(&format!("[routes]\n{text}"));
    }
}
