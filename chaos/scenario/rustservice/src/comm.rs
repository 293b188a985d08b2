//! Comm: calls, sends, attach, cancel, combinators, awakeables and signals.

use std::collections::HashMap;
use std::time::Duration;

use restate_sdk::context::{CallFuture, Request, RequestTarget};
use restate_sdk::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const BASIC: &str = "RustBasic";

/// Names a handler of any service and what to send it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outgoing {
    service: String,
    #[serde(default)]
    key: String,
    handler: String,
    #[serde(default)]
    input: Option<Value>,
    #[serde(default)]
    headers: HashMap<String, String>,
    #[serde(default)]
    idempotency_key: String,
    #[serde(default)]
    delay_millis: u64,
}

impl Outgoing {
    /// Turns itself into what the SDK's untyped calls take: bytes in and out.
    fn request<'ctx, C: ContextClient<'ctx>>(self, ctx: &C) -> Request<'ctx, Vec<u8>, Vec<u8>> {
        let target = match self.key.as_str() {
            "" => RequestTarget::service(self.service, self.handler),
            _ => RequestTarget::object(self.service, self.key, self.handler),
        };
        let input = self.input.map(|value| value.to_string().into_bytes());
        let mut request = ctx.request(target, input.unwrap_or_default());
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        if !self.idempotency_key.is_empty() {
            request = request.idempotency_key(self.idempotency_key);
        }
        request
    }
}

#[derive(Serialize)]
pub struct Answer {
    id: String,
    #[serde(skip_serializing_if = "Value::is_null")]
    output: Value,
}

#[derive(Serialize, Deserialize)]
pub struct Completion {
    pub id: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub value: String,
    #[serde(default)]
    pub message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contest {
    call_millis: u64,
    timer_millis: u64,
}

/// Reads an answer; no bytes are null.
fn value_of(raw: &[u8]) -> HandlerResult<Value> {
    match raw {
        [] => Ok(Value::Null),
        _ => serde_json::from_slice(raw).terminal(),
    }
}

/// Starts a call of a Basic handler.
fn basic<'ctx, C: ContextClient<'ctx>>(
    ctx: &C,
    handler: &str,
    input: Value,
) -> impl CallFuture<Response = Vec<u8>> + Send + use<'ctx, C> {
    let target = RequestTarget::service(BASIC, handler);
    ctx.request(target, input.to_string().into_bytes()).call()
}

pub struct Comm;

#[restate_sdk::service(name = "RustComm")]
impl Comm {
    #[handler]
    async fn call(&self, ctx: Context<'_>, out: Json<Outgoing>) -> HandlerResult<Json<Value>> {
        Ok(Json(value_of(
            &out.into_inner().request(&ctx).call().await?,
        )?))
    }

    /// Returns the invocation ID of the call, learned before the call has ended, as well.
    #[handler(name = "callID")]
    async fn call_id(&self, ctx: Context<'_>, out: Json<Outgoing>) -> HandlerResult<Json<Answer>> {
        let call = out.into_inner().request(&ctx).call();
        let id = call.invocation_handle().await?.invocation_id().to_owned();
        Ok(Json(Answer {
            id,
            output: value_of(&call.await?)?,
        }))
    }

    #[handler]
    async fn send(
        &self,
        ctx: Context<'_>,
        Json(out): Json<Outgoing>,
    ) -> HandlerResult<Json<Answer>> {
        let delay = out.delay_millis;
        let request = out.request(&ctx);
        let sent = match delay {
            0 => request.send(),
            _ => request.send_after(Duration::from_millis(delay)),
        };
        let id = sent.await?.invocation_id().to_owned();
        Ok(Json(Answer {
            id,
            output: Value::Null,
        }))
    }

    /// Calls Basic/echo count times at once and adds up the answers.
    #[handler(name = "fanOut")]
    async fn fan_out(&self, ctx: Context<'_>, count: u64) -> HandlerResult<u64> {
        let calls = (0..count).map(|i| basic(&ctx, "echo", i.into()));
        let mut calls: DurableFuturesUnordered<_> = calls.collect();
        let mut sum = 0;
        while let Some((_, answer)) = calls.next().await? {
            sum += value_of(&answer?)?.as_u64().unwrap_or_default();
        }
        Ok(sum)
    }

    /// Tells whether a call of Basic/sleep or a timer ended first.
    #[handler]
    async fn race(&self, ctx: Context<'_>, Json(contest): Json<Contest>) -> HandlerResult<String> {
        let call = basic(&ctx, "sleep", json!({ "millis": contest.call_millis }));
        let timer = ctx.sleep(Duration::from_millis(contest.timer_millis));
        let winner = restate_sdk::select! {
            _ = call => "call",
            _ = timer => "timer",
        };
        Ok(winner.to_owned())
    }

    /// Waits for a call that fails and one that does not.
    #[handler]
    async fn settle(&self, ctx: Context<'_>) -> HandlerResult<Json<[&'static str; 2]>> {
        let mut calls = DurableFuturesUnordered::new();
        calls.push(basic(
            &ctx,
            "fail",
            json!({ "code": 418, "message": "settled" }),
        ));
        calls.push(basic(&ctx, "echo", 1.into()));
        let mut outcomes = ["pending"; 2];
        while let Some((index, answer)) = calls.next().await? {
            outcomes[index] = if answer.is_ok() {
                "fulfilled"
            } else {
                "rejected"
            };
        }
        Ok(Json(outcomes))
    }

    #[handler]
    async fn attach(&self, ctx: Context<'_>, id: String) -> HandlerResult<Json<Value>> {
        Ok(Json(value_of(
            &ctx.invocation_handle(id).attach::<Vec<u8>>().await?,
        )?))
    }

    #[handler]
    async fn cancel(&self, ctx: Context<'_>, id: String) -> HandlerResult<()> {
        ctx.invocation_handle(id).cancel();
        Ok(())
    }

    #[handler]
    async fn resolve(&self, ctx: Context<'_>, Json(it): Json<Completion>) -> HandlerResult<()> {
        ctx.resolve_awakeable(&it.id, it.value);
        Ok(())
    }

    #[handler]
    async fn reject(&self, ctx: Context<'_>, Json(it): Json<Completion>) -> HandlerResult<()> {
        ctx.reject_awakeable(&it.id, TerminalError::new(it.message));
        Ok(())
    }

    #[handler]
    async fn signal(&self, ctx: Context<'_>, Json(it): Json<Completion>) -> HandlerResult<()> {
        ctx.invocation_handle(it.id)
            .signal(it.name)
            .resolve(it.value);
        Ok(())
    }
}
