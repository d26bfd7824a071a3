//! `$filter`: the `OData` expressions that lists understand.
//!
//! `eq ne gt ge lt le` between a property and a literal, `contains startswith endswith substringof`,
//! `and or not` and parentheses. Texts compare without regard to case, as resource-manager names do.

mod parse;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use serde_json::Value;

pub(crate) use parse::parse;

/// A parsed filter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filter {
    /// `a and b and …`
    And(Vec<Filter>),
    /// `a or b or …`
    Or(Vec<Filter>),
    /// `not a`
    Not(Box<Filter>),
    /// `property operator literal`
    Compare(String, Operator, Literal),
    /// `function(property,'text')`
    Text(Function, String, String),
    /// A property that is true or false, by itself.
    Is(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Contains,
    StartsWith,
    EndsWith,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Text(String),
    Number(f64),
    Boolean(bool),
    Null,
}

impl Filter {
    /// Whether a resource passes; `lookup` finds a property by its name.
    pub(crate) fn passes<'v>(&self, lookup: &dyn Fn(&str) -> Option<&'v Value>) -> bool {
        match self {
            Self::And(all) => all.iter().all(|filter| filter.passes(lookup)),
            Self::Or(any) => any.iter().any(|filter| filter.passes(lookup)),
            Self::Not(inner) => !inner.passes(lookup),
            Self::Is(name) => lookup(name).and_then(Value::as_bool).unwrap_or(false),
            Self::Text(function, name, text) => lookup(name).and_then(Value::as_str).is_some_and(|value| {
                let (value, text) = (value.to_lowercase(), text.to_lowercase());
                match function {
                    Function::Contains => value.contains(&text),
                    Function::StartsWith => value.starts_with(&text),
                    Function::EndsWith => value.ends_with(&text),
                }
            }),
            Self::Compare(name, operator, literal) => {
                let value = lookup(name).unwrap_or(&Value::Null);
                match (compare(value, literal), operator) {
                    (Some(order), Operator::Eq) => order.is_eq(),
                    (Some(order), Operator::Ne) => order.is_ne(),
                    (Some(order), Operator::Gt) => order.is_gt(),
                    (Some(order), Operator::Ge) => order.is_ge(),
                    (Some(order), Operator::Lt) => order.is_lt(),
                    (Some(order), Operator::Le) => order.is_le(),
                    (None, operator) => *operator == Operator::Ne,
                }
            }
        }
    }
}

/// The order of a value and a literal; none when they are of different types.
fn compare(value: &Value, literal: &Literal) -> Option<Ordering> {
    match (value, literal) {
        (Value::String(text), Literal::Text(literal)) => Some(texts(text, literal)),
        (Value::Number(number), Literal::Number(literal)) => number.as_f64()?.partial_cmp(literal),
        (Value::Bool(boolean), Literal::Boolean(literal)) => Some(boolean.cmp(literal)),
        (Value::Null, Literal::Null) => Some(Ordering::Equal),
        _ => None,
    }
}

/// Times compare as times, other texts without regard to case.
fn texts(left: &str, right: &str) -> Ordering {
    match (left.parse::<jiff::Timestamp>(), right.parse::<jiff::Timestamp>()) {
        (Ok(left), Ok(right)) => left.cmp(&right),
        _ => left.to_lowercase().cmp(&right.to_lowercase()),
    }
}
