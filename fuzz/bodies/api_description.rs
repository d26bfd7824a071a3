//! Any bytes, offered as an API description: as they are, and as the paths and definitions of one.

use evergate_management::{export, import};
use serde_json::{Map, Value, json};

/// Whatever the bytes are, nothing panics, and what imports can be exported and imported again, whole.
pub(crate) fn body(data: &[u8]) {
    read(data);
    let Ok(tree) = serde_json::from_slice::<Value>(data) else { return };
    let info = json!({"title": "fuzz", "version": "1"});
    for (version, number, definitions) in
        [("openapi", "3.0.3", "components"), ("swagger", "2.0", "definitions")]
    {
        let mut description = json!({"info": info, "paths": tree["paths"], definitions: tree["definitions"]});
        description[version] = number.into();
        read(description.to_string().as_bytes());
        description["paths"] = tree.clone();
        read(description.to_string().as_bytes());
    }
}

fn read(text: &[u8]) {
    let Ok(api) = import::parse("openapi", text) else { return };
    let exported = export::openapi(&Map::new(), &api.operations, &api.schemas, "https://gateway/fuzz");
    let again = import::parse("openapi+json", exported.to_string().as_bytes());
    assert_eq!(again.map(|again| again.operations.len()), Ok(api.operations.len()));
    assert!(export::yaml(&exported).is_ok());
}
