//! The form of source files.

use super::Finding;
use crate::tree::Tree;

/// Every module opens with a sentence about itself.
pub(super) fn modules_say_what_they_are(tree: &Tree) -> Vec<Finding> {
    tree.under("", ".rs")
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| {
            let instead = "open the file with `//! ` and one sentence";
            Finding::new(&file.path, 1, "module does not say what it is", instead)
        })
        .collect()
}

/// A module that has to be scrolled for long holds more than one thing.
pub(super) fn modules_stay_short(tree: &Tree) -> Vec<Finding> {
    tree.under("", ".rs")
        .filter_map(|file| {
            let lines = file.code().count();
            let (last, _) = file.code().nth(LONGEST)?;
            let what = format!("module has {lines} lines of code, {LONGEST} are allowed");
            Some(Finding::new(
                &file.path,
                last,
                what,
                "make it a folder of modules",
            ))
        })
        .collect()
}

/// Trailing space is invisible, so nobody can have meant it. Case files are sent as they stand.
pub(super) fn no_trailing_space(tree: &Tree) -> Vec<Finding> {
    let prose = tree
        .files
        .iter()
        .filter(|file| !file.path.ends_with(".case"));
    prose
        .flat_map(|file| file.lines().map(move |(number, line)| (file, number, line)))
        .filter(|(_, _, line)| line.ends_with([' ', '\t', '\r']))
        .map(|(file, line, _)| Finding::new(&file.path, line, "trailing space", "delete it"))
        .collect()
}

/// Lines of code, without blank lines, comments and unit tests.
const LONGEST: usize = 400;

#[cfg(test)]
mod tests {
    use super::super::tests::finds;
    use super::*;

    #[test]
    fn a_module_without_a_first_sentence_is_found() {
        let tree = Tree::of(&[
            ("crates/a/src/lib.rs", "use a;\n"),
            ("xtask/src/b.rs", "//! B.\n"),
        ]);
        let want = ["crates/a/src/lib.rs:1: module does not say what it is"];
        finds(modules_say_what_they_are, &tree, &want);
    }

    #[test]
    fn only_code_counts_towards_the_length_of_a_module() {
        let code = |lines| format!("//! A.\n\n{}", "a();\n".repeat(lines));
        let tests = format!("\n#[cfg(test)]\nmod tests {{\n{}}}\n", "a();\n".repeat(999));
        let tree = Tree::of(&[
            ("crates/a/src/just.rs", &(code(400) + &tests)),
            ("crates/a/src/over.rs", &(code(401) + &tests)),
        ]);
        let want = ["crates/a/src/over.rs:403: module has 401 lines of code, 400 are allowed"];
        finds(modules_stay_short, &tree, &want);
    }

    #[test]
    fn trailing_space_is_found_in_prose_and_code_but_not_in_cases() {
        let tree = Tree::of(&[
            ("README.md", "a\nb \n"),
            ("a.rs", "a\t\n"),
            ("a.case", "> \n"),
        ]);
        finds(
            no_trailing_space,
            &tree,
            &["README.md:2: trailing space", "a.rs:1: trailing space"],
        );
    }
}
