//! The baseline: the venue as a Tokio program, the stack that people migrate from. See README.md.

mod book;
mod engine;
mod protocol;
mod session;

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::io::AsRawFd;
use std::process::ExitCode;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{signal, SignalKind};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

const USAGE: &str = "\
Usage: baseline-tokio [--listen HOST:PORT] [--runtime multi|current] [--threads N] [--echo]
  --listen HOST:PORT       default 127.0.0.1:7400; port 0 picks one
  --runtime multi|current  Tokio's multi-threaded runtime (default) or its current-thread one
  --threads N              workers of the multi-threaded runtime; default: one for each CPU
  --echo                   send every frame back; no venue
  --version                what it is built from
SIGTERM or SIGINT ends it with status 0.";
const VERSION: &str = concat!(
    "baseline-tokio ",
    env!("CARGO_PKG_VERSION"),
    " (tokio ",
    env!("VERSION_TOKIO"),
    ", tokio-util ",
    env!("VERSION_TOKIO_UTIL"),
    ", serde_json ",
    env!("VERSION_SERDE_JSON"),
    ", ",
    env!("VERSION_RUSTC"),
    ")"
);
const BACKLOG: u32 = 1024;
/// After an accept that failed, for instance for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const EXIT_USAGE: u8 = 2;

struct Options {
    listen: String,
    multi: bool,
    threads: Option<usize>,
    echo: bool,
}

fn main() -> ExitCode {
    let options = match read_options(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => return ExitCode::SUCCESS,
        Err(wrong) => {
            eprintln!("baseline-tokio: {wrong}\n{USAGE}");
            return ExitCode::from(EXIT_USAGE);
        }
    };
    raise_descriptor_limit();
    match runtime(&options).and_then(|runtime| runtime.block_on(serve(&options))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("baseline-tokio: {}: {error}", options.listen);
            ExitCode::FAILURE
        }
    }
}

/// None: it was only asked what this is.
fn read_options(mut words: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options {
        listen: "127.0.0.1:7400".to_owned(),
        multi: true,
        threads: None,
        echo: false,
    };

    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--listen" => options.listen = value()?,
            "--runtime" => {
                options.multi = match value()?.as_str() {
                    "multi" => true,
                    "current" => false,
                    other => return Err(format!("'{other}' is no runtime")),
                }
            }
            "--threads" => {
                let text = value()?;
                let threads = text.parse().ok().filter(|count| (1..=1024).contains(count));
                options.threads = Some(threads.ok_or(format!("'{text}' is not 1 to 1024"))?);
            }
            "--echo" => options.echo = true,
            "--version" | "--help" => {
                println!("{}", if word == "--help" { USAGE } else { VERSION });
                return Ok(None);
            }
            _ => return Err(format!("'{word}' is not known")),
        }
    }
    if options.threads.is_some() && !options.multi {
        return Err("--threads is of --runtime multi".to_owned());
    }
    Ok(Some(options))
}

fn runtime(options: &Options) -> io::Result<Runtime> {
    let mut builder = if options.multi {
        Builder::new_multi_thread()
    } else {
        Builder::new_current_thread()
    };
    if let Some(threads) = options.threads {
        builder.worker_threads(threads);
    }
    builder.enable_all().build()
}

async fn serve(options: &Options) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let listener = listen(&options.listen)?;

    eprintln!("baseline-tokio: listening on {}", listener.local_addr()?);
    tokio::select! {
        result = accept(listener, options.echo) => result,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

async fn accept(listener: TcpListener, echo: bool) -> io::Result<()> {
    let commands = engine::start()?;
    let mut sessions = 0..;

    loop {
        match listener.accept().await {
            Ok((stream, _)) if echo => {
                tokio::spawn(session::echo(frames(stream)));
            }
            Ok((stream, _)) => {
                let id = sessions.next().expect("without end");
                tokio::spawn(session::serve(id, frames(stream), commands.clone()));
            }
            Err(error) => {
                eprintln!("baseline-tokio: accept: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A connection as a stream and sink of frames: 4 bytes of big-endian length, then the payload.
fn frames(stream: TcpStream) -> session::Frames {
    // A connection that is already gone fails its first read as well.
    let _ = stream.set_nodelay(true);
    let codec = LengthDelimitedCodec::builder()
        .length_field_length(4)
        .max_frame_length(protocol::FRAME_BYTES_MAX)
        .new_codec();
    Framed::new(stream, codec)
}

fn listen(text: &str) -> io::Result<TcpListener> {
    let address = text
        .to_socket_addrs()?
        .next()
        .ok_or(io::ErrorKind::AddrNotAvailable)?;
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    if address.ip().is_loopback() {
        set_congestion_control(&socket, b"reno")?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// What the other servers do on loopback, where pacing by bandwidth estimates makes no sense.
/// Accepted connections inherit it.
fn set_congestion_control(socket: &TcpSocket, name: &[u8]) -> io::Result<()> {
    // SAFETY: the kernel reads name.len() bytes, which live beyond the call.
    let status = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_CONGESTION,
            name.as_ptr().cast(),
            name.len() as libc::socklen_t,
        )
    };
    if status < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// As far as the hard limit lets. Where it fails, accept says so in due time.
fn raise_descriptor_limit() {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };

    // SAFETY: both calls take a valid struct that lives beyond them.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}
