//! Serves the scenario handlers with the official Rust SDK.
//!
//!     rustservice --listen 127.0.0.1:9080 --prefix Rust --effects FILE
//!
//! Listens for cleartext HTTP/2 and appends one line per side effect to the file. The SDK has
//! the names of services in attributes, so "Rust" is the only prefix.

mod basic;
mod comm;
mod effects;
mod keyed;

use std::process::ExitCode;

use restate_sdk::prelude::*;
use tokio::net::TcpListener;

use basic::Basic;
use comm::Comm;
use effects::Effects;
use keyed::{LazyStore, Order, Store, Waiter};

const PREFIX: &str = "Rust";

struct Flags {
    listen: String,
    prefix: String,
    effects: String,
}

impl Flags {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut flags = Self {
            listen: "127.0.0.1:9080".to_owned(),
            prefix: PREFIX.to_owned(),
            effects: String::new(),
        };
        while let Some(name) = args.next() {
            let flag = match name.trim_start_matches('-') {
                "listen" => &mut flags.listen,
                "prefix" => &mut flags.prefix,
                "effects" => &mut flags.effects,
                _ => {
                    return Err(format!(
                        "no flag {name}: --listen, --prefix and --effects are"
                    ));
                }
            };
            *flag = args.next().ok_or(format!("{name} needs a value"))?;
        }
        if flags.prefix != PREFIX {
            return Err(format!(
                "prefix {}: the services are built as {PREFIX}",
                flags.prefix
            ));
        }
        Ok(flags)
    }
}

async fn serve() -> Result<(), String> {
    let flags = Flags::parse(std::env::args().skip(1))?;
    let fx = Effects::open(&flags.effects).map_err(|err| format!("open effects file: {err}"))?;
    let basic = Basic { fx: fx.clone() }
        .into_service_definition()
        .options(ServiceOptions::new().metadata("area", "conformance"));
    let endpoint = Endpoint::builder()
        .bind(basic)
        .bind(Comm)
        .bind(Store)
        .bind(LazyStore)
        .bind(Waiter)
        .bind(Order { fx })
        .build();
    let listener = TcpListener::bind(&flags.listen)
        .await
        .map_err(|err| format!("serve on {}: {err}", flags.listen))?;
    HttpServer::new(endpoint).serve(listener).await;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("rustservice: {err}");
            ExitCode::FAILURE
        }
    }
}
