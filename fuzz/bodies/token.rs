//! Any bytes, offered to the directory as credentials, as the parts of a token, as a form and as a scope.

use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use evergate_identity::{Directory, DirectoryConfig, Form, MemoryRecords};
use tokio::runtime::Runtime;

/// Whatever the bytes are, nothing panics, and nobody gets in.
pub(crate) fn body(data: &[u8]) {
    let _ = Form::parse(data);
    let (runtime, directory) = directory();
    let encoded = URL_SAFE_NO_PAD.encode(data);
    let key = directory.public_keys().first().map(|key| key.id.clone()).unwrap_or_default();
    let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"RS256","kid":"{key}"}}"#));
    let mut credentials = vec![
        format!("Bearer {encoded}"),
        format!("Bearer {header}.{encoded}.{encoded}"),
        format!("Bearer {encoded}.{encoded}."),
    ];
    credentials.extend(std::str::from_utf8(data).ok().map(str::to_owned));
    for credentials in credentials {
        assert!(runtime.block_on(directory.authenticate(Some(&credentials))).is_err(), "{credentials}");
    }
}

/// One directory for all inputs: its keys take a moment to make.
fn directory() -> (&'static Runtime, &'static Directory) {
    static DIRECTORY: OnceLock<(Runtime, Directory)> = OnceLock::new();
    let (runtime, directory) = DIRECTORY.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let config = DirectoryConfig::new("https://localhost:9443");
        let opening = Directory::open(Arc::new(MemoryRecords::default()), config);
        let directory = runtime.block_on(opening).expect("a directory");
        (runtime, directory)
    });
    (runtime, directory)
}
