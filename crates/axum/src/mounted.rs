//! The routes of an application, for `Policy::coverage`.

use axum::Router;
use axum::routing::MethodRouter;

/// A router that remembers its routes, which axum's own does not tell.
///
/// ```
/// use axum::routing::get;
/// use clerk_gate_axum::MountedRouter;
///
/// let api = MountedRouter::new().route("/stats", get(async || "stats"));
/// let app: MountedRouter = MountedRouter::new()
///     .route("/", get(async || "home"))
///     .nest("/api", api);
/// assert_eq!(app.mounted(), [("*", "/"), ("*", "/api/stats")]);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a router does nothing until it is served"]
pub struct MountedRouter<S = ()> {
    router: Router<S>,
    routes: Vec<String>,
}

impl<S: Clone + Send + Sync + 'static> MountedRouter<S> {
    /// A router without routes.
    pub fn new() -> Self {
        Self {
            router: Router::new(),
            routes: Vec::new(),
        }
    }

    /// As `Router::route`.
    pub fn route(mut self, path: &str, methods: MethodRouter<S>) -> Self {
        self.router = self.router.route(path, methods);
        self.routes.push(path.to_owned());
        self
    }

    /// As `Router::nest`.
    pub fn nest(mut self, prefix: &str, inner: Self) -> Self {
        let prefix = prefix.trim_end_matches('/');
        let routes = inner.routes.iter().map(|route| format!("{prefix}{route}"));
        self.routes.extend(routes);
        self.router = self.router.nest(prefix, inner.router);
        self
    }

    /// The pattern of every route. axum does not tell which methods a route takes: `*`.
    pub fn mounted(&self) -> Vec<(&'static str, &str)> {
        self.routes.iter().map(|route| ("*", &**route)).collect()
    }

    /// The router itself, for layers, state and fallbacks.
    pub fn into_router(self) -> Router<S> {
        self.router
    }
}

impl<S: Clone + Send + Sync + 'static> Default for MountedRouter<S> {
    fn default() -> Self {
        Self::new()
    }
}
