//! Any text, offered as a policy document: as it is, and as the inside of one.

use evergate_policy::{Compiler, check, compile};

/// Whatever the text is, nothing panics, what the gateway can run may be stored, and no error shows a named value.
pub(crate) fn body(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let named_value = |name: &str| (name != "absent").then(|| "hunter2".to_owned());
    let compiler = Compiler::new("fuzz", &named_value);
    let quoted = text.contains("hunter2");
    for xml in [text.to_owned(), format!("<policies><inbound>{text}</inbound></policies>")] {
        match compile(&xml, &compiler) {
            Ok(_) => assert_eq!(check(&xml), Ok(())),
            Err(error) => assert!(quoted || !error.to_string().contains("hunter2"), "{error}"),
        }
    }
}
