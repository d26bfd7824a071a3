//! Collections that show resources of another collection: a user's subscriptions, an API's products.

/// A collection that is read only and made from another one.
#[derive(Debug)]
pub struct View {
    /// Where it stands: `users/subscriptions`.
    pub path: &'static str,
    /// The type of the resources it shows.
    pub of: &'static str,
    /// Which of them it shows.
    pub by: ViewBy,
}

/// How a view chooses.
#[derive(Debug, Clone, Copy)]
pub enum ViewBy {
    /// Those whose property names the view's parent.
    Property(&'static str),
    /// Those that have a link of this type to the view's parent.
    Link(&'static str),
}

/// Every view.
pub fn views() -> &'static [View] {
    &[
        View { path: "users/subscriptions", of: "subscriptions", by: ViewBy::Property("ownerId") },
        View { path: "products/subscriptions", of: "subscriptions", by: ViewBy::Property("scope") },
        View { path: "users/groups", of: "groups", by: ViewBy::Link("groups/users") },
        View { path: "apis/products", of: "products", by: ViewBy::Link("products/apis") },
    ]
}
