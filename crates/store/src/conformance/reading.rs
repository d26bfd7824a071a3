//! Cases about reading resources.

use evergate_model::Secrets;
use serde_json::json;

use super::Subject;
use super::sample::{commit, created, object, path, paths, put};
use crate::{Edit, IfMatch, Page};

/// Members only: neither what is below them nor collections whose names begin alike.
pub async fn a_collection_is_listed_by_name_and_page(subject: &Subject) {
    let store = &subject.store;
    let id = created(store, "one").await.id;
    let all = [
        "/apis/pet",
        "/apis/Pet-store",
        "/apis/petstore",
        "/apis/petstore;rev=2",
        "/apis/petstore2",
        "/apis/petstore/operations/getPet",
        "/apis/petstore/operations/addPet",
        "/apis/petstore2/operations/other",
        "/apis/petstore/operations/getPet/policies/policy",
        "/apiVersionSets/v",
        "/products/é",
    ];
    commit(store, &id, all.iter().map(|at| put(at, 1)).collect()).await.unwrap();
    let check = async |collection: &str, after: Option<&str>, limit: Option<usize>, expected: &[&str]| {
        let page = Page { after: after.map(str::to_owned), limit };
        let found = store.list(&id, collection, page.clone()).await.unwrap();
        let names: Vec<_> = found.iter().map(|resource| resource.path.name()).collect();
        assert_eq!(names, expected, "{collection} {page:?}");
    };
    let apis = ["pet", "Pet-store", "petstore", "petstore2", "petstore;rev=2"];
    check("/apis", None, None, &apis).await;
    check("/APIS", None, None, &apis).await;
    check("/apis", None, Some(2), &apis[..2]).await;
    check("/apis", Some("PET-STORE"), Some(2), &apis[2..4]).await;
    check("/apis", Some("petstore2"), None, &apis[4..]).await;
    check("/apis", Some("zzz"), None, &[]).await;
    check("/apis", None, Some(0), &[]).await;
    check("/apis/petstore/operations", None, None, &["addPet", "getPet"]).await;
    check("/apis/PetStore/Operations", Some("b"), None, &["getPet"]).await;
    check("/apis/petstore/operations/getPet/policies", None, None, &["policy"]).await;
    check("/products", None, None, &["é"]).await;
    for nothing in ["/apis/pet/operations", "/subscriptions", "", "/", "apis", "/apis/petstore", "/apis/"] {
        check(nothing, None, None, &[]).await;
    }
}

/// A type spans all parents and nothing below.
pub async fn a_type_is_listed_by_path(subject: &Subject) {
    let store = &subject.store;
    let id = created(store, "one").await.id;
    let all = ["/apis/b/operations/y", "/apis/b", "/apis/a/operations/z", "/apis/b/operations/X", "/apis/a"];
    commit(store, &id, all.iter().map(|at| put(at, 1)).collect()).await.unwrap();
    for (resource_type, expected) in [
        ("apis", &["/apis/a", "/apis/b"][..]),
        ("APIs/Operations", &["/apis/a/operations/z", "/apis/b/operations/X", "/apis/b/operations/y"]),
        ("apis/operations/policies", &[]),
        ("", &[]),
    ] {
        let found = store.list_type(&id, resource_type).await.unwrap();
        assert_eq!(paths(&found), expected, "{resource_type}");
    }
}

/// Paths compare without case and keep the case they were created with.
pub async fn a_resource_is_one_in_any_case(subject: &Subject) {
    let store = &subject.store;
    let id = created(store, "one").await.id;
    commit(store, &id, vec![put("/apis/PetStore", 1)]).await.unwrap();
    let again = commit(store, &id, vec![put("/Apis/petstore", 2)]).await.unwrap();
    assert_eq!(again.existed, [true]);
    let found = store.resource(&id, &path("/apis/PETSTORE")).await.unwrap().unwrap();
    assert_eq!((found.path.as_str(), &found.properties["value"]), ("/apis/PetStore", &json!(2)));
    assert_eq!(store.list_type(&id, "apis").await.unwrap().len(), 1);
    assert_eq!(Some(found.etag), again.etags[0]);
}

/// Bodies keep their order, numbers and characters; secrets stay apart and can be taken away again.
pub async fn properties_and_secrets_come_back_as_written(subject: &Subject) {
    let store = &subject.store;
    let id = created(store, "one").await.id;
    let at = path("/namedValues/n");
    let properties =
        object(json!({"z": 1, "a": {"y": [1.5, null, true], "b": "\u{0}\"\\ é 猫 🐈"}, "": "empty"}));
    let secrets = Secrets(object(json!({"value": "s3cr3t", "parts": [1, 2]})));
    for secrets in [secrets, Secrets::default()] {
        let edit = Edit::Put {
            path: at.clone(),
            properties: properties.clone(),
            secrets: secrets.clone(),
            if_match: IfMatch::None,
        };
        commit(store, &id, vec![edit]).await.unwrap();
        let found = store.resource(&id, &at).await.unwrap().unwrap();
        assert_eq!(found.secrets, secrets);
        assert_eq!(
            serde_json::to_string(&found.properties).unwrap(),
            serde_json::to_string(&properties).unwrap()
        );
    }
    assert!(store.resource(&id, &path("/namedValues/other")).await.unwrap().is_none());
}
