//! What the answers of remote storage become.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use evergate_model::Secret;
use evergate_recovery::{Access, StorageAccounts};

/// Answers every request with the same status and error code, and returns its address.
fn endpoint(status: &'static str, code: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            let mut reader = BufReader::new(stream);
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            let body =
                format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>No</Message></Error>");
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = reader.get_mut().write_all(answer.as_bytes());
        }
    });
    address.to_string()
}

async fn check(url: &str, key: &str, expected: Result<(), &str>) {
    let accounts = StorageAccounts::parse([format!("devacct={url}")]).unwrap();
    let access = Access::AccessKey(Secret::new(key));
    let found = match accounts.container("devacct", &access, "backups") {
        Ok(container) => container.check("b1").await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match (&found, expected) {
        (Ok(()), Ok(())) => {}
        (Err(message), Err(words)) => {
            assert!(message.contains(words), "{url}: {message} does not say: {words}");
        }
        _ => panic!("{url}: {found:?} is not {expected:?}"),
    }
}

const KEY: &str = "c2VjcmV0IGtleQ==";

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_a_blob_endpoint() {
    for (status, code, expected) in [
        ("404 Not Found", "BlobNotFound", Ok(())),
        ("416 Range Not Satisfiable", "InvalidRange", Ok(())),
        (
            "404 Not Found",
            "ContainerNotFound",
            Err("container 'backups' does not exist in storage account 'devacct'"),
        ),
        (
            "403 Forbidden",
            "AuthorizationFailure",
            Err("the access key of storage account 'devacct' was refused (AuthorizationFailure)"),
        ),
        ("403 Forbidden", "AuthenticationFailed", Err("was refused (AuthenticationFailed)")),
        ("404 Not Found", "ResourceNotFound", Err("storage account 'devacct' is not known at http://127")),
        ("400 Bad Request", "OutOfRangeInput", Err("container name 'backups' is not valid")),
        ("409 Conflict", "ContainerBeingDeleted", Err("it answered 409 ContainerBeingDeleted")),
    ] {
        let address = endpoint(status, code);
        check(&format!("http://{address}/devacct"), KEY, expected).await;
    }
    check("http://127.0.0.1:9/devacct", "not base64!", Err("an account key is Base64")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_an_s3_endpoint() {
    for (status, code, expected) in [
        ("404 Not Found", "NoSuchKey", Ok(())),
        ("403 Forbidden", "AccessDenied", Ok(())),
        ("404 Not Found", "NoSuchBucket", Err("container 'backups' does not exist")),
        ("403 Forbidden", "SignatureDoesNotMatch", Err("was refused (SignatureDoesNotMatch)")),
        ("403 Forbidden", "InvalidAccessKeyId", Err("was refused (InvalidAccessKeyId)")),
    ] {
        let address = endpoint(status, code);
        check(&format!("s3://?endpoint=http://{address}"), "id:secret", expected).await;
    }
    check("s3://?endpoint=http://127.0.0.1:9", "secret", Err("reads ACCESSKEYID:SECRET")).await;
}
