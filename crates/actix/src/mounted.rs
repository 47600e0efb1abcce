//! The routes of an application, for `Policy::coverage`.

use actix_web::introspection::{IntrospectionTree, ResourceType};

/// The method (`*` where actix-web does not tell) and the pattern of every mounted route.
///
/// An application finds the tree in its own data, as `web::Data<IntrospectionTree>`, when the
/// feature is on; ask for it in a test.
pub fn mounted(tree: &IntrospectionTree) -> Vec<(String, String)> {
    let mut mounted = Vec::new();
    let mut nodes = vec![&tree.root];
    while let Some(node) = nodes.pop() {
        nodes.extend(node.children.iter().rev());
        let path = || node.full_path.clone();
        if matches!(node.kind, ResourceType::Resource) {
            if node.methods.is_empty() {
                mounted.push(("*".to_owned(), path()));
            }
            let methods = node.methods.iter();
            mounted.extend(methods.map(|method| (method.to_string(), path())));
        }
    }
    mounted
}
