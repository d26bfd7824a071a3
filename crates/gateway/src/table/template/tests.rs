//! Which URL templates are accepted, and what they match.

use std::fmt::Write;

use proptest::prelude::*;

use super::*;
use crate::table::Scope;

fn operation(method: &str, template: &str) -> Arc<OperationTable> {
    let source = evergate_model::snapshot::Operation {
        id: template.to_owned(),
        method: method.to_owned(),
        ..Default::default()
    };
    Arc::new(OperationTable {
        source: Arc::new(source),
        template: Template::parse(template),
        policy: Scope::None,
    })
}

#[test]
fn the_closest_template_wins() {
    let mut routes = Routes::default();
    for template in [
        "/",
        "/a/{x}",
        "/a/b",
        "/a/{x}/c",
        "/a/b/d",
        "/a/{x}.json",
        "/a/v{x}",
        "/{*rest}",
        "/q?kind=cat",
        "/q?kind={k}&size={s}",
        "/q",
        "/caf%C3%A9/{name}",
    ] {
        routes.insert(operation("GET", template));
    }
    let check = |target: &str, template: &str, captures: &[&str]| {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let found = routes.find("GET", path, query).unwrap_or_else(|| panic!("{target} finds nothing"));
        assert_eq!(
            (found.operation.source.id.as_str(), found.captures.as_slice()),
            (template, captures),
            "{target}"
        );
    };
    check("", "/", &[]);
    check("/", "/", &[]);
    check("/a/b", "/a/b", &[]);
    check("/A/B/", "/a/b", &[]);
    check("/a/z", "/a/{x}", &["z"]);
    check("/a/z.json", "/a/{x}.json", &["z"]);
    check("/a/.json", "/a/{x}", &[".json"]);
    check("/a/v2", "/a/v{x}", &["2"]);
    check("/a/b/c", "/a/{x}/c", &["b"]);
    check("/a/b/d", "/a/b/d", &[]);
    check("/a/b/e", "/{*rest}", &["a/b/e"]);
    check("/x/y/", "/{*rest}", &["x/y/"]);
    check("/q?kind=cat", "/q?kind=cat", &[]);
    check("/q?size=1&kind=dog", "/q?kind={k}&size={s}", &[]);
    check("/q?kind=dog", "/q", &[]);
    check("/caf%c3%a9/x", "/caf%C3%A9/{name}", &["x"]);
    assert!(routes.find("POST", "/a/b", "").is_none());
}

#[test]
fn templates_that_make_no_sense_are_refused() {
    for template in ["/{", "/}", "/{}", "/{a}{b}", "/{*a}/b", "/*/b", "/x{*a}", "/{a{b}}"] {
        assert_eq!(Template::parse(template), None, "{template}");
    }
    for template in ["", "a", "/{a}-{b}", "/a/*", "/{*a}", "/users('{id}')", "/a?b={c}&d"] {
        assert!(Template::parse(template).is_some(), "{template}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(template in "(/|[{}*?&=%]|[a-c]|é){0,16}", path in "(/|[a-c.%]|é){0,16}") {
        let mut routes = Routes::default();
        routes.insert(operation("GET", &template));
        if let Some(found) = routes.find("GET", &path, "a=b") {
            let template = found.operation.template.as_ref().unwrap();
            prop_assert_eq!(found.captures.len(), template.names.len());
        }
    }

    #[test]
    fn a_template_finds_what_it_was_filled_with(values in proptest::collection::vec("[a-z0-9]{1,5}", 1..5)) {
        let (mut template, mut path) = (String::new(), String::new());
        for (n, value) in values.iter().enumerate() {
            write!(template, "/s{n}/{{p{n}}}").unwrap();
            write!(path, "/s{n}/{value}").unwrap();
        }
        let mut routes = Routes::default();
        routes.insert(operation("GET", &template));
        let found = routes.find("GET", &path, "").unwrap();
        prop_assert_eq!(found.captures, values.iter().map(String::as_str).collect::<Vec<_>>());
    }
}
