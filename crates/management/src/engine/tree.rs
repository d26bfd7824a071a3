//! A resource with everything below it, read so that it can be copied elsewhere.

use evergate_model::kind::{self, Kind};
use evergate_model::{Resource, ResourcePath};
use evergate_store::{Edit, IfMatch};

use super::Context;
use crate::error::ApiError;

/// Everything below `root`, parents first, without the kinds that `skip` names.
pub(crate) async fn subtree(
    context: &Context<'_>,
    root: &ResourcePath,
    skip: &[&str],
) -> Result<Vec<Resource>, ApiError> {
    let mut found = Vec::new();
    let mut open: Vec<(&'static Kind, ResourcePath)> = Vec::new();
    open.extend(kind::of(root).map(|kind| (kind, root.clone())));
    while let Some((kind, path)) = open.pop() {
        for child in kind.children().filter(|child| !skip.contains(&child.path)) {
            let members = context.members(&format!("{path}/{}", child.collection())).await?;
            if child.children().next().is_some() {
                open.extend(members.iter().map(|member| (child, member.path.clone())));
            }
            found.extend(members);
        }
    }
    Ok(found)
}

/// The edits that write resources from below `from` below `to` instead.
pub(crate) fn moved(
    resources: &[Resource],
    from: &ResourcePath,
    to: &ResourcePath,
) -> Result<Vec<Edit>, ApiError> {
    resources
        .iter()
        .map(|resource| {
            let rest = &resource.path.as_str()[from.as_str().len()..];
            Ok(Edit::Put {
                path: ResourcePath::parse(&format!("{to}{rest}"))?,
                properties: resource.properties.clone(),
                secrets: resource.secrets.clone(),
                if_match: IfMatch::None,
            })
        })
        .collect()
}
