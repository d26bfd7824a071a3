//! Which documents compile, and what the others are told.

use proptest::prelude::*;

use super::*;
use crate::document::{ExistsAction, LimitScope, Selector};

fn value(name: &str) -> Option<String> {
    match name {
        "text" => Some("a <b> \"c\"".to_owned()),
        "number" => Some("7".to_owned()),
        "secret" => Some("hunter2".to_owned()),
        "expression" => Some("@(context.RequestId)".to_owned()),
        _ => None,
    }
}

fn compiled(xml: &str) -> Result<Document, PolicyError> {
    compile(xml, &Compiler::new("apis/a", &value))
}

fn inbound(policies: &str) -> Result<Vec<Statement>, PolicyError> {
    let document = compiled(&format!("<policies><inbound>{policies}</inbound></policies>"))?;
    Ok(document.inbound.unwrap())
}

#[test]
fn errors_say_where_and_what() {
    let check =
        |xml: &str, expected: &str| assert_eq!(compiled(xml).unwrap_err().to_string(), expected, "{xml}");
    check(
        "<policies>\n <inbound>\n  <choose/></inbound></policies>",
        "line 3, column 3, <choose>: this policy is not supported by the gateway",
    );
    check("<x/>", "line 1, column 1, <x>: the root element must be <policies>");
    check(
        "<policies><inbound/><inbound/></policies>",
        "line 1, column 21, <inbound>: the section may appear only once",
    );
    check(
        "<policies><other/></policies>",
        "line 1, column 11, <other>: only <inbound>, <backend>, <outbound> and <on-error> are allowed in <policies>",
    );
    check(
        "<policies><outbound><rewrite-uri template='/'/></outbound></policies>",
        "line 1, column 21, <rewrite-uri>: this policy is not allowed in <outbound>",
    );
    check(
        "<policies><inbound><rate-limit calls='{{secret}}' renewal-period='1'/></inbound></policies>",
        "line 1, column 20, <rate-limit>: calls='{{secret}}' is not a number of calls",
    );
    check(
        "<policies><inbound><base x='1'/></inbound></policies>",
        "line 1, column 20, <base>: the attribute 'x' is not supported",
    );
}

#[test]
fn what_cannot_be_run_is_refused() {
    for policies in [
        "text",
        "<base>text</base>",
        "<set-header name='a'/>",
        "<set-header name='a b'><value>1</value></set-header>",
        "<set-header name='Content-Length'><value>1</value></set-header>",
        "<set-header name='a' exists-action='maybe'><value>1</value></set-header>",
        "<set-header name='a'><value>@(1)</value></set-header>",
        "<set-header name='a'><value>{{expression}}</value></set-header>",
        "<set-header name='a'><value>{{nobody}}</value></set-header>",
        "<set-header name='a'><value>x\ny</value></set-header>",
        "<set-body template='liquid'>x</set-body>",
        "<set-body>@{ return \"\"; }</set-body>",
        "<rewrite-uri template='http://x/y'/>",
        "<rewrite-uri template='/{x'/>",
        "<set-backend-service/>",
        "<set-backend-service base-url='ftp://x'/>",
        "<set-backend-service base-url='http://x' backend-id='y'/>",
        "<rate-limit calls='1'/>",
        "<rate-limit calls='1' renewal-period='0'/>",
        "<rate-limit calls='99999999' renewal-period='1'/>",
        "<rate-limit calls='1' renewal-period='1'><api calls='1' renewal-period='1'/></rate-limit>",
        "<quota renewal-period='1'/>",
        "<cors/>",
        "<cors allow-credentials='true'><allowed-origins><origin>*</origin></allowed-origins></cors>",
        "<ip-filter action='allow'/>",
        "<ip-filter action='allow'><address>x</address></ip-filter>",
        "<ip-filter action='allow'><address-range from='10.0.0.2' to='10.0.0.1'/></ip-filter>",
        "<check-header name='a'/>",
        "<mock-response status-code='99'/>",
        "<return-response><choose/></return-response>",
        "<forward-request/>",
    ] {
        assert!(inbound(policies).is_err(), "{policies}");
    }
    for forward in
        ["follow-redirects='true'", "timeout='0'", "http-version='2'", "fail-on-error-status-code='true'"]
    {
        let xml = format!("<policies><backend><forward-request {forward}/></backend></policies>");
        assert!(compiled(&xml).is_err(), "{forward}");
    }
    assert!(compiled("<!DOCTYPE x [<!ENTITY e 'e'>]><policies>&e;</policies>").is_err());
}

#[test]
fn named_values_are_put_in_as_text() {
    let statements = inbound("<set-header name='x-{{number}}' exists-action='append'><value>1 {{text}}{{number}} {{ no }}</value></set-header>").unwrap();
    let [Statement::SetHeader(set)] = statements.as_slice() else { panic!("{statements:?}") };
    assert_eq!((set.name.as_str(), set.action), ("x-7", ExistsAction::Append));
    assert_eq!(set.values, ["1 a <b> \"c\"7 {{ no }}"]);
    let statements = inbound("<set-body>{\"a\": {\"b\": {{number}}}}</set-body>").unwrap();
    let [Statement::SetBody(body)] = statements.as_slice() else { panic!("{statements:?}") };
    assert_eq!(body, "{\"a\": {\"b\": 7}}");
}

#[test]
fn limits_name_their_counters_by_scope_and_place() {
    let statements = inbound(
        "<rate-limit calls='5' renewal-period='60'><api name='A' calls='4' renewal-period='60'><operation id='o' calls='3' renewal-period='60'/></api></rate-limit><quota calls='9' bandwidth='8' renewal-period='0'/>",
    )
    .unwrap();
    let [Statement::RateLimit(limit), Statement::Quota(quota)] = statements.as_slice() else {
        panic!("{statements:?}")
    };
    let ids: Vec<&str> = limit.rules.iter().chain(&quota.rules).map(|rule| &*rule.id).collect();
    assert_eq!(ids, ["apis/a#0", "apis/a#1", "apis/a#2", "apis/a#3"]);
    let api = Selector::Name("A".to_owned());
    assert_eq!(limit.rules[1].applies, LimitScope::Api(api.clone()));
    assert_eq!(limit.rules[2].applies, LimitScope::Operation(api, Selector::Id("o".to_owned())));
    assert_eq!((quota.rules[0].kilobytes, quota.rules[0].period), (Some(8), None));
}

#[test]
fn a_document_without_base_ends_the_chain() {
    let all = "<inbound/><backend/><outbound/><on-error/>";
    assert!(!compiled(&format!("<policies>{all}</policies>")).unwrap().reaches_base());
    assert!(compiled("<policies><inbound/><backend/><outbound/></policies>").unwrap().reaches_base());
    let with = all.replace("<outbound/>", "<outbound><base/></outbound>");
    assert!(compiled(&format!("<policies>{with}</policies>")).unwrap().reaches_base());
}

#[test]
fn a_document_is_checked_without_being_understood() {
    for good in [
        "<policies/>",
        "<policies><inbound><choose><when condition='@(true)'/></choose></inbound></policies>",
        "<fragment><base/></fragment>",
    ] {
        assert_eq!(check(good), Ok(()), "{good}");
    }
    for bad in ["", "x", "<policies>", "<policies>x</policies>", "<inbound/>", "<policies><a/></policies>"] {
        assert!(check(bad).is_err(), "{bad}");
    }
}

/// Documents of words that mean something, in any order.
fn document() -> impl Strategy<Value = String> {
    let leaf = proptest::sample::select(vec![
        "<base/>",
        "<set-header name='a'><value>{{text}}</value></set-header>",
        "<set-body>x</set-body>",
        "<cors/>",
        "<value>1</value>",
        "text",
        "{{secret}}",
        "<!-- c -->",
        "<![CDATA[@(x)]]>",
        "&amp;",
        "&x;",
        "<quota calls='1' renewal-period='1'/>",
    ]);
    let name = proptest::sample::select(vec![
        "policies",
        "inbound",
        "backend",
        "set-header",
        "rate-limit",
        "cors",
        "api",
        "choose",
    ]);
    let attribute = proptest::sample::select(vec![
        "",
        " name='a'",
        " calls='1' renewal-period='{{number}}'",
        " action='allow'",
        " a='@(b)'",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(5, 40, 5, move |inner| {
        (name.clone(), attribute.clone(), proptest::collection::vec(inner, 0..5))
            .prop_map(|(name, attribute, inner)| format!("<{name}{attribute}>{}</{name}>", inner.concat()))
    })
}

proptest! {
    #[test]
    fn any_text_is_compiled_or_refused(xml in ".{0,200}") {
        let _ = (compiled(&xml), check(&xml));
    }

    #[test]
    fn any_document_is_compiled_or_refused_and_shows_no_secret(inner in document()) {
        for xml in [inner.clone(), format!("<policies><inbound>{inner}</inbound></policies>")] {
            match compiled(&xml) {
                Ok(_) => prop_assert_eq!(check(&xml), Ok(())),
                Err(error) => prop_assert!(!error.to_string().contains("hunter2"), "{}", error),
            }
        }
    }
}
