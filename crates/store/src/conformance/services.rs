//! Cases about services themselves.

use evergate_model::{ETag, GenerationId, ResourceGroupName, Revision, ServiceName, Sku};
use serde_json::json;

use super::Subject;
use super::sample::{commit, created, new_service, object, path, put, service_id, started};
use crate::{Commit, GenerationState, IfMatch, Page, ServiceEdit, StoreError, Swap, Verb};

/// Creation is one commit, of the service and its resources together.
pub async fn a_service_begins_with_its_first_configuration(subject: &Subject) {
    let store = &subject.store;
    let edits = vec![put("/groups/administrators", 1), put("/apis/echo", 2)];
    let service = store.create_service(new_service("one"), edits).await.unwrap();
    assert_eq!((service.revision, service.created_at), (Revision(1), subject.clock.now()));
    assert_eq!((service.location.as_str(), &service.tags), ("westeurope", &new_service("one").tags));
    assert_eq!(store.service(&service.id).await.unwrap().as_ref(), Some(&service));
    let echo = store.resource(&service.id, &path("/apis/echo")).await.unwrap().unwrap();
    assert_eq!((echo.revision, echo.properties), (Revision(1), object(json!({"value": 2}))));
    let generations = store.generations(&service.id).await.unwrap();
    assert_eq!(generations.len(), 1);
    assert_eq!(
        (generations[0].id, generations[0].state, generations[0].origin.as_str(), generations[0].resources),
        (service.generation, GenerationState::Live, "created", 2)
    );
    assert_eq!(store.changes(&service.id, Revision(0)).await.unwrap().len(), 3);
}

/// The name is a host name, so the resource group does not make a difference.
pub async fn a_name_is_taken_once_in_the_whole_store(subject: &Subject) {
    let store = &subject.store;
    created(store, "one").await;
    let mut other = new_service("ONE");
    other.id.resource_group = ResourceGroupName::new("elsewhere").unwrap();
    for taken in [new_service("one"), other] {
        let refused = store.create_service(taken, Vec::new()).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    }
    created(store, "two").await;
    let services = store.services().await.unwrap();
    assert_eq!(services.iter().map(|service| service.id.name.as_str()).collect::<Vec<_>>(), ["one", "two"]);
}

/// Resource-manager ids ignore case; the case they were created with is kept.
pub async fn services_are_found_in_any_case(subject: &Subject) {
    let store = &subject.store;
    created(store, "Payments").await;
    let mut id = service_id("pAYMENTS");
    id.resource_group = ResourceGroupName::new("RG").unwrap();
    let found = store.service(&id).await.unwrap().unwrap();
    assert_eq!(found.id.to_string(), service_id("Payments").to_string());
    commit(store, &id, vec![put("/apis/a", 1)]).await.unwrap();
    assert_eq!(store.list(&service_id("Payments"), "/apis", Page::default()).await.unwrap().len(), 1);
    id.resource_group = ResourceGroupName::new("other").unwrap();
    assert!(store.service(&id).await.unwrap().is_none());
}

/// What an edit leaves out stays; every update is a revision and a new version.
pub async fn an_update_changes_what_it_names(subject: &Subject) {
    let store = &subject.store;
    let before = created(store, "one").await;
    let sku = Sku { name: "Premium".to_owned(), capacity: 2 };
    let edit = ServiceEdit { sku: Some(sku.clone()), ..ServiceEdit::default() };
    let after = store.update_service(&before.id, edit).await.unwrap();
    assert_eq!((&after.sku, &after.tags, &after.body), (&sku, &before.tags, &before.body));
    assert_eq!(after.revision, Revision(before.revision.0 + 1));
    assert_ne!(after.etag, before.etag);
    assert_eq!(store.service(&before.id).await.unwrap(), Some(after.clone()));

    let stale = ServiceEdit { if_match: IfMatch::Is(before.etag), ..ServiceEdit::default() };
    let refused = store.update_service(&after.id, stale).await;
    assert!(
        matches!(&refused, Err(StoreError::ETagMismatch { current, .. }) if *current == after.etag),
        "{refused:?}"
    );
    let edit = ServiceEdit {
        if_match: IfMatch::Is(after.etag.clone()),
        tags: Some(object(json!({}))),
        body: Some(object(json!({"zones": ["1"]}))),
        ..ServiceEdit::default()
    };
    let last = store.update_service(&after.id, edit).await.unwrap();
    assert!(last.tags.is_empty());
    assert_eq!((last.sku, last.body), (sku, object(json!({"zones": ["1"]}))));
}

/// A service of the same name begins anew.
pub async fn a_deleted_service_leaves_nothing(subject: &Subject) {
    let store = &subject.store;
    let first = created(store, "one").await;
    commit(store, &first.id, vec![put("/apis/a", 1)]).await.unwrap();
    let former = store.begin_generation(&first.id, "loading").await.unwrap();
    let operation = started(store, "one", Verb::Backup).await;
    store.finish_operation(operation.id, Ok("{}".to_owned())).await.unwrap();

    let wrong = store.delete_service(&first.id, IfMatch::Is(ETag("other".to_owned()))).await;
    assert!(matches!(wrong, Err(StoreError::ETagMismatch { .. })), "{wrong:?}");
    let deleted = store.delete_service(&first.id, IfMatch::Is(first.etag.clone())).await.unwrap();
    assert_eq!(deleted.revision, Revision(2));
    assert!(store.service(&first.id).await.unwrap().is_none());
    assert!(store.operation(operation.id).await.unwrap().is_none());
    assert!(store.load(former, Vec::new()).await.is_err());

    let second = created(store, "one").await;
    assert_ne!(second.generation, first.generation);
    assert!(store.list(&second.id, "/apis", Page::default()).await.unwrap().is_empty());
    assert!(store.operations(&second.id, 10).await.unwrap().is_empty());
    assert_eq!(store.generations(&second.id).await.unwrap().len(), 1);
    assert_eq!(store.changes(&second.id, Revision(0)).await.unwrap().len(), 1);
}

/// Every method that names a service says when there is none.
pub async fn what_is_not_there_is_not_found(subject: &Subject) {
    fn check<T>(what: &str, result: Result<T, StoreError>) {
        let error = result.err();
        assert!(matches!(error, Some(StoreError::NotFound(_))), "{what}: {error:?}");
    }
    let store = &subject.store;
    let mut id = service_id("one");
    id.name = ServiceName::new("missing").unwrap();
    let (from, to) = (GenerationId(1), GenerationId(2));
    check("update", store.update_service(&id, ServiceEdit::default()).await);
    check("delete", store.delete_service(&id, IfMatch::None).await);
    check("resource", store.resource(&id, &path("/apis/a")).await);
    check("list", store.list(&id, "/apis", Page::default()).await);
    check("list_type", store.list_type(&id, "apis").await);
    check("commit", store.commit(&id, Commit::default()).await);
    check("changes", store.changes(&id, Revision(0)).await);
    check("begin_generation", store.begin_generation(&id, "x").await);
    check("load", store.load(to, Vec::new()).await);
    check("swap", store.swap(&id, Swap { to, from, operation: None, at: None, body: None }).await);
    check("generations", store.generations(&id).await);
    check("drop_generation", store.drop_generation(to).await);
    check("operations", store.operations(&id, 1).await);
    check("running_operation", store.running_operation(&id).await);
    assert!(store.service(&id).await.unwrap().is_none());
}
