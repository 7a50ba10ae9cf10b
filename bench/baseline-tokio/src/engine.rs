//! The engine: one thread that owns all books and takes commands from one channel.
//!
//! Replies go back through a channel of each session, in the order in which they came about. Trades
//! of others go to everyone who listens through one broadcast channel. Every message carries its
//! place in the engine's one order of events, so that a session can put both together again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::sync::{broadcast, mpsc};

use crate::book::{Book, Order, Place};
use crate::protocol::{Quantity, Reason, Reply, Request, Side, Switch, TimeInForce, Trade, Typed};

/// Commands of all sessions that may wait; then sessions stop reading.
const COMMANDS_MAX: usize = 8_192;
/// Replies that one session may owe; then it is a slow reader and is let go.
const REPLIES_MAX: usize = 262_144;
/// Trades that a listener of the tape may be behind; then it is let go.
const TAPE_MAX: usize = 16_384;

pub struct Command {
    pub session: u64,
    pub action: Action,
}

pub enum Action {
    Open(mpsc::Sender<Outbound>),
    Request(Request, Option<u64>),
    Close,
}

/// What a session is told.
pub struct Outbound {
    pub sequence: u64,
    pub message: Message,
}

pub enum Message {
    Reply(Reply),
    /// From here on the session hears the trades of others, or no longer.
    Tape(Option<broadcast::Receiver<TapeTrade>>),
}

/// A trade as everyone hears it, encoded once. Its own sessions hear of it directly.
#[derive(Clone)]
pub struct TapeTrade {
    pub sequence: u64,
    pub sessions: [u64; 2],
    pub payload: Bytes,
}

/// The ends of the channels that a session needs.
pub fn replies() -> (mpsc::Sender<Outbound>, mpsc::Receiver<Outbound>) {
    mpsc::channel(REPLIES_MAX)
}

/// Starts the engine's thread. It ends when the last sender of commands is gone.
pub fn start() -> std::io::Result<mpsc::Sender<Command>> {
    let (sender, mut receiver) = mpsc::channel::<Command>(COMMANDS_MAX);
    std::thread::Builder::new()
        .name("engine".to_owned())
        .spawn(move || {
            let mut engine = Engine::new();
            while let Some(command) = receiver.blocking_recv() {
                engine.apply(command);
            }
        })?;
    Ok(sender)
}

struct Session {
    replies: mpsc::Sender<Outbound>,
    trades: Switch,
}

struct Instrument {
    symbol: Arc<str>,
    book: Book,
}

struct Engine {
    instruments: Vec<Instrument>,
    by_symbol: HashMap<Arc<str>, usize>,
    /// Where each open order rests.
    orders: HashMap<u64, (usize, Place)>,
    sessions: HashMap<u64, Session>,
    tape: broadcast::Sender<TapeTrade>,
    last_order_id: u64,
    last_trade_id: u64,
    last_priority: u64,
    command_count: u64,
    message_count: u64,
    time_ns: u64,
}

impl Engine {
    fn new() -> Engine {
        Engine {
            instruments: Vec::new(),
            by_symbol: HashMap::new(),
            orders: HashMap::new(),
            sessions: HashMap::new(),
            tape: broadcast::channel(TAPE_MAX).0,
            last_order_id: 0,
            last_trade_id: 0,
            last_priority: 0,
            command_count: 0,
            message_count: 0,
            time_ns: 0,
        }
    }

    fn apply(&mut self, command: Command) {
        self.command_count += 1;
        match command.action {
            Action::Open(replies) => {
                self.sessions.insert(
                    command.session,
                    Session {
                        replies,
                        trades: Switch::On,
                    },
                );
                let tape = self.tape.subscribe();
                self.tell(command.session, Message::Tape(Some(tape)));
            }
            Action::Close => {
                self.sessions.remove(&command.session);
            }
            Action::Request(request, request_id) => {
                Turn {
                    engine: self,
                    session: command.session,
                    request_id,
                }
                .take(request);
            }
        }
    }

    fn tell(&mut self, session: u64, message: Message) {
        self.message_count += 1;
        if let Some(entry) = self.sessions.get(&session) {
            let outbound = Outbound {
                sequence: self.message_count,
                message,
            };
            if entry.replies.try_send(outbound).is_err() {
                self.sessions.remove(&session);
            }
        }
    }

    fn instrument(&mut self, symbol: String) -> usize {
        if let Some(index) = self.by_symbol.get(symbol.as_str()) {
            return *index;
        }
        let symbol: Arc<str> = symbol.into();
        self.instruments.push(Instrument {
            symbol: symbol.clone(),
            book: Book::default(),
        });
        self.by_symbol.insert(symbol, self.instruments.len() - 1);
        self.instruments.len() - 1
    }

    /// Nanoseconds since 1970; never back.
    fn now_ns(&mut self) -> u64 {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        self.time_ns = self.time_ns.max(now.as_nanos() as u64);
        self.time_ns
    }
}

/// One request on its way through the engine.
struct Turn<'a> {
    engine: &'a mut Engine,
    session: u64,
    request_id: Option<u64>,
}

impl Turn<'_> {
    fn take(&mut self, request: Request) {
        let name = request.name();
        let request_id = self.request_id;
        match request {
            Request::New {
                user_id,
                symbol,
                side,
                price,
                quantity,
                tif,
            } => {
                self.enter(user_id, symbol, side, price, quantity, tif);
            }
            Request::Cancel { user_id, order_id } => match self.order_of(user_id, order_id) {
                Some((instrument, order)) => self.cancel(instrument, &order, Reason::User),
                None => self.reject(name, Some(order_id), Reason::UnknownOrder),
            },
            Request::Replace {
                user_id,
                order_id,
                price,
                quantity,
            } => match self.order_of(user_id, order_id) {
                Some((instrument, order)) => self.replace(instrument, order, price, quantity),
                None => self.reject(name, Some(order_id), Reason::UnknownOrder),
            },
            Request::MassCancel {
                user_id,
                symbol,
                side,
            } => {
                self.mass_cancel(user_id, symbol, side);
            }
            Request::Book { symbol, depth } => match self.engine.by_symbol.get(symbol.as_str()) {
                Some(index) => {
                    let instrument = &self.engine.instruments[*index];
                    let reply = Typed::Book {
                        symbol: instrument.symbol.clone(),
                        sequence: self.engine.command_count,
                        bids: instrument.book.levels(Side::Buy, depth),
                        asks: instrument.book.levels(Side::Sell, depth),
                        request_id,
                    };
                    self.answer(Reply::Typed(reply));
                }
                None => self.reject(name, None, Reason::UnknownSymbol),
            },
            Request::Session { trades } => self.set_session(trades),
            Request::Ping(ping) => self.answer(Reply::Typed(Typed::Pong { ping, request_id })),
            Request::Refused(refusal) => self.answer(Reply::Typed(Typed::Rejected {
                request: refusal.request,
                order_id: refusal.order_id,
                reason: refusal.reason,
                text: refusal.text,
                member: refusal.member,
                request_id,
            })),
        }
    }

    fn enter(
        &mut self,
        user_id: u64,
        symbol: String,
        side: Side,
        price: u64,
        quantity: u64,
        tif: TimeInForce,
    ) {
        let instrument = self.engine.instrument(symbol);
        self.engine.last_order_id += 1;
        let mut order = Order {
            id: self.engine.last_order_id,
            user_id,
            session: self.session,
            side,
            price,
            open: quantity,
            filled: 0,
            priority: 0,
        };
        self.fill(instrument, &mut order);
        if order.open == 0 {
            return;
        }
        let request_id = self.request_id;
        match tif {
            TimeInForce::GoodTillCancel => {
                self.answer(Reply::Confirmed {
                    order_id: order.id,
                    user_id,
                    request_id,
                });
                self.rest(instrument, order);
            }
            TimeInForce::ImmediateOrCancel => self.answer(Reply::Typed(Typed::Cancelled {
                order_id: order.id,
                owner: user_id,
                cancelled_quantity: order.open,
                reason: Reason::Ioc,
                request_id,
            })),
        }
    }

    fn replace(
        &mut self,
        instrument: usize,
        order: Order,
        price: Option<u64>,
        quantity: Option<Quantity>,
    ) {
        let price = price.unwrap_or(order.price);
        let open = match quantity {
            Some(Quantity::Open(open)) => open,
            Some(Quantity::Total(total)) => total.saturating_sub(order.filled),
            None => order.open,
        };
        if open == 0 {
            self.cancel(instrument, &order, Reason::TotalFilled);
            return;
        }
        self.tell_both(order.session, |request_id| {
            Reply::Typed(Typed::Replaced {
                order_id: order.id,
                owner: order.user_id,
                price,
                quantity: open,
                request_id,
            })
        });
        if price == order.price && open <= order.open {
            self.engine.instruments[instrument]
                .book
                .reduce(place_of(&order), open);
            return;
        }
        self.take_out(instrument, &order);
        let mut order = Order {
            price,
            open,
            ..order
        };
        self.fill(instrument, &mut order);
        if order.open > 0 {
            self.rest(instrument, order);
        }
    }

    fn mass_cancel(&mut self, user_id: u64, symbol: Option<String>, side: Option<Side>) {
        let instruments = match symbol {
            None => 0..self.engine.instruments.len(),
            Some(symbol) => match self.engine.by_symbol.get(symbol.as_str()) {
                Some(index) => *index..index + 1,
                None => return self.reject(Some("mass_cancel"), None, Reason::UnknownSymbol),
            },
        };
        let mut count = 0;
        for instrument in instruments {
            for id in self.engine.instruments[instrument]
                .book
                .orders_of(user_id, side)
            {
                if let Some((_, order)) = self.order_of(user_id, id) {
                    self.cancel(instrument, &order, Reason::MassCancel);
                    count += 1;
                }
            }
        }
        let request_id = self.request_id;
        self.answer(Reply::Typed(Typed::MassCancelled { count, request_id }));
    }

    fn set_session(&mut self, trades: Option<Switch>) {
        let before = match self.engine.sessions.get_mut(&self.session) {
            Some(session) => {
                let before = session.trades;
                session.trades = trades.unwrap_or(before);
                before
            }
            None => return,
        };
        let trades = trades.unwrap_or(before);
        if trades != before {
            let tape = (trades == Switch::On).then(|| self.engine.tape.subscribe());
            self.engine.tell(self.session, Message::Tape(tape));
        }
        self.answer(Reply::Typed(Typed::Session {
            trades,
            reports: Switch::Off,
            cancel_on_disconnect: false,
            request_id: self.request_id,
        }));
    }

    /// Matches an order that does not rest, and tells the trades.
    fn fill(&mut self, instrument: usize, taker: &mut Order) {
        let mut fills = Vec::new();
        let Instrument { symbol, book } = &mut self.engine.instruments[instrument];
        let symbol = symbol.clone();
        book.fill(taker, |maker, quantity| {
            fills.push((maker.clone(), quantity))
        });
        if fills.is_empty() {
            return;
        }
        let timestamp = self.engine.now_ns();
        for (maker, quantity) in fills {
            if maker.open == 0 {
                self.engine.orders.remove(&maker.id);
            }
            self.engine.last_trade_id += 1;
            let (buyer, seller) = match taker.side {
                Side::Buy => (&*taker, &maker),
                Side::Sell => (&maker, &*taker),
            };
            let trade = Trade {
                trade_id: self.engine.last_trade_id,
                symbol: symbol.clone(),
                matched_price: maker.price,
                matched_quantity: quantity,
                buyer_user_id: buyer.user_id,
                buyer_order_id: buyer.id,
                seller_user_id: seller.user_id,
                seller_order_id: seller.id,
                timestamp,
            };
            self.publish(Reply::Trade(trade), [buyer.session, seller.session]);
        }
    }

    /// To the two sessions of the trade, and to everyone who listens.
    fn publish(&mut self, trade: Reply, sessions: [u64; 2]) {
        if self.engine.tape.receiver_count() > 0 {
            let payload = serde_json::to_vec(&trade)
                .expect("a trade is plain data")
                .into();
            let sequence = self.engine.message_count + 1;
            // An error says that the last listener has just gone.
            let _ = self.engine.tape.send(TapeTrade {
                sequence,
                sessions,
                payload,
            });
        }
        if sessions[0] != sessions[1] {
            self.engine.tell(sessions[1], Message::Reply(trade.clone()));
        }
        self.engine.tell(sessions[0], Message::Reply(trade));
    }

    fn rest(&mut self, instrument: usize, mut order: Order) {
        self.engine.last_priority += 1;
        order.priority = self.engine.last_priority;
        self.engine
            .orders
            .insert(order.id, (instrument, place_of(&order)));
        self.engine.instruments[instrument].book.rest(order);
    }

    fn take_out(&mut self, instrument: usize, order: &Order) {
        self.engine.instruments[instrument]
            .book
            .remove(place_of(order));
        self.engine.orders.remove(&order.id);
    }

    fn cancel(&mut self, instrument: usize, order: &Order, reason: Reason) {
        self.take_out(instrument, order);
        self.tell_both(order.session, |request_id| {
            Reply::Typed(Typed::Cancelled {
                order_id: order.id,
                owner: order.user_id,
                cancelled_quantity: order.open,
                reason,
                request_id,
            })
        });
    }

    /// The open order that this user may touch.
    fn order_of(&self, user_id: u64, order_id: u64) -> Option<(usize, Order)> {
        let (instrument, place) = *self.engine.orders.get(&order_id)?;
        let order = self.engine.instruments[instrument].book.order(place)?;
        (order.user_id == user_id).then(|| (instrument, order.clone()))
    }

    fn reject(&mut self, request: Option<&'static str>, order_id: Option<u64>, reason: Reason) {
        let text = match reason {
            Reason::UnknownOrder => "the user has no open order with this id",
            _ => "no instrument has this symbol",
        };
        let request_id = self.request_id;
        self.answer(Reply::Typed(Typed::Rejected {
            request,
            order_id,
            reason,
            text: text.into(),
            member: None,
            request_id,
        }));
    }

    /// The session that asked, and the one that entered the order.
    fn tell_both(&mut self, entered_by: u64, reply: impl Fn(Option<u64>) -> Reply) {
        if entered_by != self.session {
            self.engine.tell(entered_by, Message::Reply(reply(None)));
        }
        self.answer(reply(self.request_id));
    }

    fn answer(&mut self, reply: Reply) {
        self.engine.tell(self.session, Message::Reply(reply));
    }
}

fn place_of(order: &Order) -> Place {
    Place {
        side: order.side,
        price: order.price,
        priority: order.priority,
    }
}
