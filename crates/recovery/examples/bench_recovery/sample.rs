//! A service's configuration made by counting: about six hundred bytes of JSON a resource, with the mixture of kinds, the
//! repetition and the secrets that real ones have.

use evergate_model::{ETag, ResourcePath};
use evergate_store::LoadItem;
use serde_json::{Value, json};

const WORDS: [&str; 48] = [
    "account",
    "address",
    "amount",
    "archive",
    "balance",
    "basket",
    "branch",
    "carrier",
    "catalog",
    "channel",
    "claim",
    "comment",
    "contract",
    "country",
    "coupon",
    "currency",
    "customer",
    "delivery",
    "department",
    "discount",
    "document",
    "employee",
    "event",
    "invoice",
    "journal",
    "language",
    "ledger",
    "license",
    "location",
    "member",
    "message",
    "notice",
    "order",
    "parcel",
    "partner",
    "payment",
    "policy",
    "price",
    "product",
    "profile",
    "project",
    "receipt",
    "refund",
    "region",
    "report",
    "return",
    "shipment",
    "ticket",
];

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn word(&mut self) -> &'static str {
        let count = WORDS.len() as u64;
        WORDS[usize::try_from(self.next() % count).unwrap_or_default()]
    }

    fn text(&mut self, words: usize) -> String {
        (0..words).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }

    fn key(&mut self) -> String {
        format!("{:016x}{:016x}", self.next(), self.next())
    }
}

/// `count` resources, by type and path as a backup holds them.
pub(crate) fn resources(count: usize) -> Vec<LoadItem> {
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let mut items: Vec<LoadItem> = (0..count).filter_map(|index| item(index, &mut numbers)).collect();
    items.sort_by_cached_key(|item| (item.path.resource_type(), item.path.key()));
    items
}

fn item(index: usize, numbers: &mut Numbers) -> Option<LoadItem> {
    let api = index / 100;
    let (path, properties, secrets) = match index % 100 {
        0..5 => (format!("/apis/api{index}"), self::api(index, numbers), None),
        5..65 => (format!("/apis/api{}/operations/op{index}", api * 100), operation(numbers), None),
        65..75 => (
            format!("/apis/api{}/operations/op{}/policies/policy", api * 100, index - 60),
            policy(numbers),
            None,
        ),
        75..78 => (format!("/apis/api{}/schemas/s{index}", api * 100), schema(numbers), None),
        78..90 => {
            let keys = json!({ "primaryKey": numbers.key(), "secondaryKey": numbers.key() });
            (format!("/subscriptions/s{index}"), subscription(index, numbers), Some(keys))
        }
        90..95 => {
            let properties = json!({ "displayName": format!("{}-{index}", numbers.word()), "secret": true, "tags": [numbers.word()] });
            (format!("/namedValues/n{index}"), properties, Some(json!({ "value": numbers.key() })))
        }
        _ => {
            let first = numbers.word();
            let properties = json!({
                "firstName": first, "lastName": numbers.word(), "email": format!("{first}{index}@example.com"),
                "state": "active", "note": numbers.text(12), "registrationDate": "2026-01-02T03:04:05Z",
            });
            (format!("/users/u{index}"), properties, None)
        }
    };
    Some(LoadItem {
        path: ResourcePath::parse(&path).ok()?,
        properties: properties.to_string(),
        secrets: secrets.map(|secrets| secrets.to_string()),
        etag: ETag(numbers.key()),
    })
}

fn api(index: usize, numbers: &mut Numbers) -> Value {
    json!({
        "displayName": numbers.text(3), "description": numbers.text(40), "path": format!("{}/{index}", numbers.word()),
        "protocols": ["https"], "serviceUrl": format!("https://{}.example.com/{index}", numbers.word()),
        "subscriptionRequired": true, "apiRevision": "1", "isCurrent": true,
        "subscriptionKeyParameterNames": { "header": "Ocp-Apim-Subscription-Key", "query": "subscription-key" },
    })
}

fn operation(numbers: &mut Numbers) -> Value {
    let parameter = |numbers: &mut Numbers| json!({ "name": numbers.word(), "description": numbers.text(6), "type": "string", "required": true, "values": [] });
    json!({
        "displayName": numbers.text(3), "description": numbers.text(25), "method": "GET",
        "urlTemplate": format!("/{}/{{{}}}", numbers.word(), numbers.word()),
        "templateParameters": [parameter(numbers)],
        "request": { "queryParameters": [parameter(numbers), parameter(numbers)], "headers": [], "representations": [] },
        "responses": [
            { "statusCode": 200, "description": numbers.text(4), "representations": [{ "contentType": "application/json" }], "headers": [] },
            { "statusCode": 404, "description": numbers.text(4), "representations": [], "headers": [] },
        ],
        "policies": null,
    })
}

fn policy(numbers: &mut Numbers) -> Value {
    let (name, value) = (numbers.word(), numbers.key());
    let xml = format!(
        "<policies>\r\n  <inbound>\r\n    <base />\r\n    <set-header name=\"X-{name}\" exists-action=\"override\">\r\n      \
         <value>{value}</value>\r\n    </set-header>\r\n  </inbound>\r\n  <backend>\r\n    <base />\r\n  </backend>\r\n  \
         <outbound>\r\n    <base />\r\n  </outbound>\r\n</policies>"
    );
    json!({ "format": "xml", "value": xml })
}

fn schema(numbers: &mut Numbers) -> Value {
    let fields: serde_json::Map<String, Value> = (0..8)
        .map(|index| {
            let field = json!({ "type": "string", "description": numbers.text(8) });
            (format!("{}{index}", numbers.word()), field)
        })
        .collect();
    json!({
        "contentType": "application/vnd.oai.openapi.components+json",
        "document": { "components": { "schemas": { (numbers.word()): { "type": "object", "properties": fields } } } },
    })
}

fn subscription(index: usize, numbers: &mut Numbers) -> Value {
    json!({
        "displayName": numbers.text(2), "scope": format!("/apis/api{}", index / 100 * 100), "ownerId": format!("/users/u{index}"),
        "state": "active", "createdDate": "2026-01-02T03:04:05Z", "allowTracing": false,
    })
}
