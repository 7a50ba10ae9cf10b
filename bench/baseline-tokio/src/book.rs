//! One instrument's book: two trees of price levels, each a queue of orders in time priority.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use crate::protocol::{LevelView, Side};

#[derive(Clone, Debug)]
pub struct Order {
    pub id: u64,
    pub user_id: u64,
    pub session: u64,
    pub side: Side,
    pub price: u64,
    pub open: u64,
    pub filled: u64,
    /// Of two orders at one price the smaller one is served first.
    pub priority: u64,
}

/// Where an order rests: enough to find it again without a search through the book.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub side: Side,
    pub price: u64,
    pub priority: u64,
}

#[derive(Default)]
struct Level {
    quantity: u128,
    /// By priority, which only grows: a new order goes to the back.
    orders: VecDeque<Order>,
}

#[derive(Default)]
pub struct Book {
    bids: BTreeMap<u64, Level>,
    asks: BTreeMap<u64, Level>,
}

impl Book {
    fn side(&self, side: Side) -> &BTreeMap<u64, Level> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut BTreeMap<u64, Level> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// The levels of one side, best price first.
    fn best_first(&self, side: Side) -> Box<dyn Iterator<Item = (&u64, &Level)> + '_> {
        match side {
            Side::Buy => Box::new(self.bids.iter().rev()),
            Side::Sell => Box::new(self.asks.iter()),
        }
    }

    /// Trades an order that does not rest with the other side, as far as its limit goes. Each fill
    /// is told with the maker as it stands after it, and its quantity.
    pub fn fill(&mut self, taker: &mut Order, mut on_fill: impl FnMut(&Order, u64)) {
        while taker.open > 0 {
            let best = match taker.side {
                Side::Buy => self
                    .asks
                    .iter_mut()
                    .next()
                    .filter(|(price, _)| **price <= taker.price),
                Side::Sell => self
                    .bids
                    .iter_mut()
                    .next_back()
                    .filter(|(price, _)| **price >= taker.price),
            };
            let (price, level) = match best {
                Some((price, level)) => (*price, level),
                None => return,
            };
            while taker.open > 0 {
                let maker = match level.orders.front_mut() {
                    Some(maker) => maker,
                    None => break,
                };
                let quantity = taker.open.min(maker.open);
                taker.open -= quantity;
                taker.filled += quantity;
                maker.open -= quantity;
                maker.filled += quantity;
                level.quantity -= u128::from(quantity);
                on_fill(maker, quantity);
                if maker.open == 0 {
                    level.orders.pop_front();
                }
            }
            if level.orders.is_empty() {
                self.side_mut(opposite(taker.side)).remove(&price);
            }
        }
    }

    /// Puts an order behind all others at its price.
    pub fn rest(&mut self, order: Order) {
        let level = self.side_mut(order.side).entry(order.price).or_default();
        level.quantity += u128::from(order.open);
        level.orders.push_back(order);
    }

    /// The order that rests at this place.
    pub fn order(&self, place: Place) -> Option<&Order> {
        let level = self.side(place.side).get(&place.price)?;
        level.orders.get(position(level, place.priority)?)
    }

    /// Lowers what is open of a resting order; it keeps its place.
    pub fn reduce(&mut self, place: Place, open: u64) {
        if let Some(level) = self.side_mut(place.side).get_mut(&place.price) {
            if let Some(at) = position(level, place.priority) {
                level.quantity -= u128::from(level.orders[at].open - open);
                level.orders[at].open = open;
            }
        }
    }

    /// Takes an order out of the book.
    pub fn remove(&mut self, place: Place) -> Option<Order> {
        let mut entry = match self.side_mut(place.side).entry(place.price) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(_) => return None,
        };
        let level = entry.get_mut();
        let order = level.orders.remove(position(level, place.priority)?)?;
        level.quantity -= u128::from(order.open);
        if level.orders.is_empty() {
            entry.remove();
        }
        Some(order)
    }

    /// The orders of one user: bids before asks, best price first, first come first.
    pub fn orders_of(&self, user_id: u64, side: Option<Side>) -> Vec<u64> {
        [Side::Buy, Side::Sell]
            .into_iter()
            .filter(|which| side.map_or(true, |wanted| wanted == *which))
            .flat_map(|which| self.best_first(which))
            .flat_map(|(_, level)| &level.orders)
            .filter(|order| order.user_id == user_id)
            .map(|order| order.id)
            .collect()
    }

    pub fn levels(&self, side: Side, depth: usize) -> Vec<LevelView> {
        self.best_first(side)
            .take(depth)
            .map(|(price, level)| (*price, level.quantity, level.orders.len()))
            .collect()
    }
}

pub fn opposite(side: Side) -> Side {
    match side {
        Side::Buy => Side::Sell,
        Side::Sell => Side::Buy,
    }
}

fn position(level: &Level, priority: u64) -> Option<usize> {
    level
        .orders
        .binary_search_by_key(&priority, |order| order.priority)
        .ok()
}
