//! One client connection: frames in, commands to the engine, replies out.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::broadcast::{self, error::TryRecvError};
use tokio::sync::mpsc;
use tokio::time::{timeout, Duration};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

use crate::engine::{self, Action, Command, Message, Outbound, TapeTrade};
use crate::protocol::{self, Reply};

/// What still comes behind a length that cannot be trusted is discarded for so long.
const DISCARD: Duration = Duration::from_secs(1);

pub type Frames = Framed<TcpStream, LengthDelimitedCodec>;

/// Serves a client until it ends its stream, its connection fails, or it reads too slowly.
pub async fn serve(id: u64, mut frames: Frames, commands: mpsc::Sender<Command>) {
    let (sender, receiver) = engine::replies();
    let mut outbox = Outbox {
        id,
        replies: receiver,
        tape: None,
        reply: None,
        trade: None,
        behind: false,
    };
    let mut trusted = true;

    if send(&commands, id, Action::Open(sender)).await.is_err() {
        return;
    }
    loop {
        tokio::select! {
            frame = frames.next() => {
                let (request, request_id) = match frame {
                    Some(Ok(frame)) if !frame.is_empty() => protocol::read_request(&frame),
                    Some(Err(error)) if error.kind() != std::io::ErrorKind::InvalidData => break,
                    Some(_) => {
                        trusted = false;
                        (protocol::refuse_frame_length(), None)
                    }
                    None => break,
                };
                if send(&commands, id, Action::Request(request, request_id)).await.is_err() {
                    return;
                }
                if !trusted {
                    break;
                }
            }
            open = outbox.wait() => {
                if !open || outbox.write(&mut frames).await.is_err() {
                    break;
                }
            }
        }
    }
    // The engine lets the session go behind what it has asked; so the replies come to an end.
    if send(&commands, id, Action::Close).await.is_ok() {
        while outbox.wait().await {
            if outbox.write(&mut frames).await.is_err() {
                return;
            }
        }
    }
    let mut stream = frames.into_inner();
    if stream.shutdown().await.is_ok() && !trusted {
        let _ = timeout(
            DISCARD,
            tokio::io::copy(&mut stream, &mut tokio::io::sink()),
        )
        .await;
    }
}

async fn send(
    commands: &mpsc::Sender<Command>,
    session: u64,
    action: Action,
) -> Result<(), mpsc::error::SendError<Command>> {
    commands.send(Command { session, action }).await
}

/// Two channels as one stream of messages in the engine's order.
struct Outbox {
    id: u64,
    replies: mpsc::Receiver<Outbound>,
    tape: Option<broadcast::Receiver<TapeTrade>>,
    /// The next of each channel, taken out to compare them.
    reply: Option<Outbound>,
    trade: Option<TapeTrade>,
    /// The tape has gone on without this session: it reads too slowly.
    behind: bool,
}

impl Outbox {
    /// Waits until there is something to write. False: there will be no more.
    async fn wait(&mut self) -> bool {
        tokio::select! {
            reply = self.replies.recv() => {
                self.reply = reply;
                self.reply.is_some()
            }
            trade = hear(&mut self.tape) => {
                self.behind = trade.is_err();
                self.trade = trade.ok();
                !self.behind
            }
        }
    }

    /// Writes what there is, in as few system calls as it fits.
    async fn write(&mut self, frames: &mut Frames) -> std::io::Result<()> {
        while let Some(payload) = self.take() {
            frames.feed(payload).await?;
        }
        if self.behind {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        frames.flush().await
    }

    /// The next payload in the engine's order, if there is one.
    fn take(&mut self) -> Option<Bytes> {
        loop {
            if self.reply.is_none() {
                self.reply = self.replies.try_recv().ok();
            }
            if self.trade.is_none() {
                match self.tape.as_mut().map(broadcast::Receiver::try_recv) {
                    Some(Ok(trade)) => self.trade = Some(trade),
                    Some(Err(TryRecvError::Empty)) | None => {}
                    Some(Err(_)) => self.behind = true,
                }
            }
            // What came before this trade has been sent before it, but perhaps after the first look.
            if self.reply.is_none() && self.trade.is_some() {
                self.reply = self.replies.try_recv().ok();
            }
            let trade_is_next = match (&self.reply, &self.trade) {
                (Some(reply), Some(trade)) => trade.sequence < reply.sequence,
                (reply, _) => reply.is_none(),
            };
            if trade_is_next {
                let trade = self.trade.take()?;
                if !trade.sessions.contains(&self.id) {
                    return Some(trade.payload);
                }
            } else {
                match self.reply.take()?.message {
                    Message::Reply(reply) => return Some(encode(&reply)),
                    Message::Tape(tape) => {
                        // A trade in hand is of the time behind the end of the former one.
                        self.trade = None;
                        self.tape = tape;
                    }
                }
            }
        }
    }
}

/// The next trade of others; never, where the tape is off.
async fn hear(
    tape: &mut Option<broadcast::Receiver<TapeTrade>>,
) -> Result<TapeTrade, broadcast::error::RecvError> {
    match tape {
        Some(tape) => tape.recv().await,
        None => std::future::pending().await,
    }
}

fn encode(reply: &Reply) -> Bytes {
    serde_json::to_vec(reply)
        .expect("a reply is plain data")
        .into()
}

/// Sends every frame back.
pub async fn echo(frames: Frames) {
    let (sink, stream) = frames.split();
    // An error ends the connection; there is nobody to tell.
    let _ = stream
        .map(|frame| frame.map(|bytes| bytes.freeze()))
        .forward(sink)
        .await;
}
