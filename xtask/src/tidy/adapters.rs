//! Adapters translate. What is long enough to decide something is too long.

use super::Finding;
use crate::tree::Tree;

/// The source folders of all adapters.
pub(super) const ADAPTERS: [&str; 4] = [
    "crates/actix/src/",
    "crates/axum/src/",
    "crates/rocket/src/",
    "crates/tower/src/",
];

/// Counts the code of each adapter, all files together, unit tests apart.
pub(super) fn stay_within_the_budget(tree: &Tree) -> Vec<Finding> {
    let over = ADAPTERS.map(|folder| {
        let lines: usize = tree
            .under(folder, ".rs")
            .map(|file| file.code().count())
            .sum();
        let what = format!("adapter has {lines} lines of code, {BUDGET} are allowed");
        let finding = || Finding::new(folder, 1, what, "move what decides into crates/core");
        (lines > BUDGET).then(finding)
    });
    over.into_iter().flatten().collect()
}

/// Lines of code for a whole adapter.
const BUDGET: usize = 300;

#[cfg(test)]
mod tests {
    use super::super::tests::finds;
    use super::*;

    #[test]
    fn the_files_of_an_adapter_are_counted_together() {
        let (just, over) = ("a();\n".repeat(150), "a();\n".repeat(151));
        let tree = Tree::of(&[
            ("crates/axum/src/gated.rs", &just),
            ("crates/axum/src/lib.rs", &just),
            ("crates/axum/tests/api.rs", &over),
            ("crates/tower/src/layer.rs", &over),
            ("crates/tower/src/view.rs", &just),
        ]);
        let want = ["crates/tower/src/:1: adapter has 301 lines of code, 300 are allowed"];
        finds(stay_within_the_budget, &tree, &want);
    }
}
