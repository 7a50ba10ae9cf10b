//! Requests and replies as serde sees them: the part of docs/protocol.md that the load generator's
//! flows `pingpong` and `equity` speak.
//!
//! A request names itself by its members, so one struct of optional members is read and then
//! judged. What this program does not offer (reports, cancel on disconnect, client order ids, open
//! orders, members that begin with `x_`) is a reject, never ignored.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub const FRAME_BYTES_MAX: usize = 65_536;
const NUMBER_MAX: u64 = i64::MAX as u64;
const SYMBOL_BYTES_MAX: usize = 32;
const DEPTH_DEFAULT: u64 = 10;
const DEPTH_MAX: u64 = 500;

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub enum Side {
    Buy,
    Sell,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
pub enum TimeInForce {
    #[default]
    #[serde(rename = "GTC")]
    GoodTillCancel,
    #[serde(rename = "IOC")]
    ImmediateOrCancel,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    On,
    Off,
}

#[derive(Debug)]
pub enum Request {
    New {
        user_id: u64,
        symbol: String,
        side: Side,
        price: u64,
        quantity: u64,
        tif: TimeInForce,
    },
    Cancel {
        user_id: u64,
        order_id: u64,
    },
    Replace {
        user_id: u64,
        order_id: u64,
        price: Option<u64>,
        quantity: Option<Quantity>,
    },
    MassCancel {
        user_id: u64,
        symbol: Option<String>,
        side: Option<Side>,
    },
    Book {
        symbol: String,
        depth: usize,
    },
    Session {
        trades: Option<Switch>,
    },
    Ping(u64),
    /// Bytes that are no request: they only wait in line for their reject.
    Refused(Refusal),
}

/// What a replace asks for.
#[derive(Clone, Copy, Debug)]
pub enum Quantity {
    Open(u64),
    Total(u64),
}

impl Request {
    /// The published name, as a reject repeats it.
    pub fn name(&self) -> Option<&'static str> {
        match self {
            Request::New { .. } => Some("new"),
            Request::Cancel { .. } => Some("cancel"),
            Request::Replace { .. } => Some("replace"),
            Request::MassCancel { .. } => Some("mass_cancel"),
            Request::Book { .. } => Some("book"),
            Request::Session { .. } | Request::Ping(_) => Some("session"),
            Request::Refused(refusal) => refusal.request,
        }
    }
}

#[derive(Debug)]
pub struct Refusal {
    pub request: Option<&'static str>,
    pub order_id: Option<u64>,
    pub reason: Reason,
    pub text: Cow<'static, str>,
    pub member: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    User,
    Ioc,
    MassCancel,
    TotalFilled,
    BadFrameLength,
    BadJson,
    UnknownMember,
    DuplicateMember,
    MissingMember,
    ConflictingMembers,
    WrongType,
    BadValue,
    UnknownRequest,
    NotSupported,
    UnknownOrder,
    UnknownSymbol,
}

/// Every member of every request. An unknown one is refused: a mistyped `qty` must never turn a
/// replace into a cancel.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    #[serde(rename = "type")]
    kind: Option<String>,
    user_id: Option<u64>,
    symbol: Option<String>,
    order_type: Option<Side>,
    price: Option<u64>,
    quantity: Option<u64>,
    total_quantity: Option<u64>,
    time_in_force: Option<TimeInForce>,
    order_id: Option<u64>,
    mass_cancel: Option<bool>,
    side: Option<Side>,
    book: Option<String>,
    depth: Option<u64>,
    session: Option<SessionMembers>,
    request_id: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionMembers {
    trades: Option<Switch>,
    reports: Option<Switch>,
    cancel_on_disconnect: Option<bool>,
    ping: Option<u64>,
}

/// Reads a frame. What is no request becomes `Request::Refused`.
pub fn read_request(frame: &[u8]) -> (Request, Option<u64>) {
    // serde takes an array for a struct, too.
    if frame.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return (
            Request::Refused(refuse_all(Reason::BadJson, "a frame must hold an object")),
            None,
        );
    }
    match serde_json::from_slice::<Members>(frame) {
        Ok(members) => {
            let (request_id, order_id) = (members.request_id, members.order_id);
            let request = request_of(members).unwrap_or_else(|refusal| {
                Request::Refused(Refusal {
                    order_id,
                    ..refusal
                })
            });
            (request, request_id)
        }
        Err(error) => (Request::Refused(refusal_of(&error)), None),
    }
}

/// Decides by the `type`, else by the members present.
fn request_of(members: Members) -> Result<Request, Refusal> {
    let name = match members.kind.as_deref() {
        Some(kind) => kind,
        None if members.symbol.is_some() && members.order_type.is_some() => "new",
        None if members.order_id.is_some() => {
            let replaces = members
                .price
                .or(members.quantity)
                .or(members.total_quantity);
            if replaces.is_some() {
                "replace"
            } else {
                "cancel"
            }
        }
        None if members.mass_cancel.is_some() => "mass_cancel",
        None if members.book.is_some() => "book",
        None if members.session.is_some() => "session",
        None if members.order_type.is_some() => "new",
        None => "",
    };
    match name {
        "new" => Ok(Request::New {
            user_id: required("new", "user_id", members.user_id)?,
            symbol: symbol("new", "symbol", required("new", "symbol", members.symbol)?)?,
            side: required("new", "order_type", members.order_type)?,
            price: number("new", "price", required("new", "price", members.price)?)?,
            quantity: number(
                "new",
                "quantity",
                required("new", "quantity", members.quantity)?,
            )?,
            tif: members.time_in_force.unwrap_or_default(),
        }),
        "cancel" => Ok(Request::Cancel {
            user_id: required("cancel", "user_id", members.user_id)?,
            order_id: number(
                "cancel",
                "order_id",
                required("cancel", "order_id", members.order_id)?,
            )?,
        }),
        "replace" => replace_of(members),
        "mass_cancel" => Ok(Request::MassCancel {
            user_id: required("mass_cancel", "user_id", members.user_id)?,
            symbol: members
                .symbol
                .map(|text| symbol("mass_cancel", "symbol", text))
                .transpose()?,
            side: members.side,
        }),
        "book" => {
            let depth = members.depth.unwrap_or(DEPTH_DEFAULT);
            if !(1..=DEPTH_MAX).contains(&depth) {
                return Err(refuse("book", Reason::BadValue, "depth"));
            }
            let text = required("book", "book", members.book)?;
            Ok(Request::Book {
                symbol: symbol("book", "book", text)?,
                depth: depth as usize,
            })
        }
        "session" => session_of(required("session", "session", members.session)?),
        _ => Err(Refusal {
            member: members.kind.map(|_| "type"),
            ..refuse_all(Reason::UnknownRequest, "the members name no request")
        }),
    }
}

fn replace_of(members: Members) -> Result<Request, Refusal> {
    let quantity = match (members.quantity, members.total_quantity) {
        (Some(_), Some(_)) => {
            return Err(refuse(
                "replace",
                Reason::ConflictingMembers,
                "total_quantity",
            ));
        }
        (Some(open), None) => Some(Quantity::Open(number("replace", "quantity", open)?)),
        (None, Some(total)) => Some(Quantity::Total(number("replace", "total_quantity", total)?)),
        (None, None) if members.price.is_none() => {
            return Err(refuse("replace", Reason::MissingMember, "price"));
        }
        (None, None) => None,
    };
    Ok(Request::Replace {
        user_id: required("replace", "user_id", members.user_id)?,
        order_id: number(
            "replace",
            "order_id",
            required("replace", "order_id", members.order_id)?,
        )?,
        price: members
            .price
            .map(|price| number("replace", "price", price))
            .transpose()?,
        quantity,
    })
}

fn session_of(members: SessionMembers) -> Result<Request, Refusal> {
    if let Some(ping) = members.ping {
        return Ok(Request::Ping(ping));
    }
    if members.reports == Some(Switch::On) {
        return Err(refuse("session", Reason::NotSupported, "reports"));
    }
    if members.cancel_on_disconnect == Some(true) {
        return Err(refuse(
            "session",
            Reason::NotSupported,
            "cancel_on_disconnect",
        ));
    }
    Ok(Request::Session {
        trades: members.trades,
    })
}

fn required<T>(
    request: &'static str,
    member: &'static str,
    value: Option<T>,
) -> Result<T, Refusal> {
    value.ok_or_else(|| refuse(request, Reason::MissingMember, member))
}

fn number(request: &'static str, member: &'static str, value: u64) -> Result<u64, Refusal> {
    if (1..=NUMBER_MAX).contains(&value) {
        Ok(value)
    } else {
        Err(refuse(request, Reason::BadValue, member))
    }
}

fn symbol(request: &'static str, member: &'static str, text: String) -> Result<String, Refusal> {
    let plain = |byte: u8| (0x20..=0x7e).contains(&byte) && byte != b'"' && byte != b'\\';
    if (1..=SYMBOL_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain) {
        Ok(text)
    } else {
        Err(refuse(request, Reason::BadValue, member))
    }
}

fn refuse(request: &'static str, reason: Reason, member: &'static str) -> Refusal {
    let text = match reason {
        Reason::MissingMember => "this member is required",
        Reason::ConflictingMembers => "this member excludes another one given",
        Reason::NotSupported => "this baseline does not offer it",
        _ => "the value of this member is outside its range or list",
    };
    Refusal {
        request: Some(request),
        member: Some(member),
        ..refuse_all(reason, text)
    }
}

/// A refusal that names no request and no member.
fn refuse_all(reason: Reason, text: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal {
        request: None,
        order_id: None,
        reason,
        text: text.into(),
        member: None,
    }
}

/// serde_json says in words what was wrong; the published reasons are told from them.
fn refusal_of(error: &serde_json::Error) -> Refusal {
    let text = error.to_string();
    let reason = if !error.is_data() {
        Reason::BadJson
    } else if text.starts_with("unknown field") {
        Reason::UnknownMember
    } else if text.starts_with("duplicate field") {
        Reason::DuplicateMember
    } else if text.starts_with("invalid type") && !text.contains("floating point") {
        Reason::WrongType
    } else {
        Reason::BadValue
    };
    refuse_all(reason, text)
}

/// The answer to a length that cannot be trusted.
pub fn refuse_frame_length() -> Request {
    Request::Refused(refuse_all(
        Reason::BadFrameLength,
        "a frame is 1 to 65536 bytes; the stream cannot be trusted any more",
    ))
}

/// A message to a client. Two kinds have no `type`: clients know them by their shape.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Reply {
    Trade(Trade),
    Confirmed {
        order_id: u64,
        user_id: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<u64>,
    },
    Typed(Typed),
}

#[derive(Clone, Debug, Serialize)]
pub struct Trade {
    pub trade_id: u64,
    pub symbol: Arc<str>,
    pub matched_price: u64,
    pub matched_quantity: u64,
    pub buyer_user_id: u64,
    pub buyer_order_id: u64,
    pub seller_user_id: u64,
    pub seller_order_id: u64,
    pub timestamp: u64,
}

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Typed {
    Cancelled {
        order_id: u64,
        owner: u64,
        cancelled_quantity: u64,
        reason: Reason,
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<u64>,
    },
    Replaced {
        order_id: u64,
        owner: u64,
        price: u64,
        quantity: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<u64>,
    },
    Rejected {
        #[serde(skip_serializing_if = "Option::is_none")]
        request: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        order_id: Option<u64>,
        reason: Reason,
        text: Cow<'static, str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        member: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<u64>,
    },
    MassCancelled {
        count: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<u64>,
    },
    Book {
        symbol: Arc<str>,
        sequence: u64,
        bids: Vec<LevelView>,
        asks: Vec<LevelView>,
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<u64>,
    },
    Session {
        trades: Switch,
        reports: Switch,
        cancel_on_disconnect: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<u64>,
    },
    Pong {
        ping: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<u64>,
    },
}

/// Price, quantity, number of orders.
pub type LevelView = (u64, u128, usize);
