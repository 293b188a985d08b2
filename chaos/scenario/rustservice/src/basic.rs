//! Basic: answers, failures, durable steps, sleeps and compensation.

use std::collections::HashMap;
use std::time::Duration;

use restate_sdk::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::effects::{Effects, step};

#[derive(Serialize, Deserialize)]
pub struct Failure {
    code: u16,
    message: String,
}

impl Failure {
    fn terminal(self) -> TerminalError {
        TerminalError::new_with_code(self.code, self.message)
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Work {
    id: String,
    times: u32,
    max_attempts: u32,
    pub millis: u64,
}

impl Work {
    pub fn pause(&self) -> Duration {
        Duration::from_millis(self.millis)
    }
}

#[derive(Serialize)]
pub struct Report {
    value: u32,
    attempts: u32,
}

pub struct Basic {
    pub fx: Effects,
}

/// Answers, failures and durable steps.
#[restate_sdk::service(
    name = "RustBasic",
    invocation_retry_policy(initial_interval = "50ms", max_interval = "500ms")
)]
impl Basic {
    #[handler]
    async fn echo(&self, _ctx: Context<'_>, input: Json<Value>) -> HandlerResult<Json<Value>> {
        Ok(input)
    }

    #[handler(ingress_private)]
    async fn hidden(&self, _ctx: Context<'_>, input: Json<Value>) -> HandlerResult<Json<Value>> {
        Ok(input)
    }

    #[handler(name = "echoBytes")]
    async fn echo_bytes(&self, _ctx: Context<'_>, input: Vec<u8>) -> HandlerResult<Vec<u8>> {
        Ok(input)
    }

    #[handler]
    async fn ping(&self, _ctx: Context<'_>) -> HandlerResult<()> {
        Ok(())
    }

    #[handler]
    async fn headers(&self, ctx: Context<'_>) -> HandlerResult<Json<HashMap<String, String>>> {
        let pairs = ctx.headers().iter();
        Ok(Json(
            pairs.map(|(k, v)| (k.to_string(), v.clone())).collect(),
        ))
    }

    #[handler]
    async fn fail(&self, _ctx: Context<'_>, Json(failure): Json<Failure>) -> HandlerResult<()> {
        Err(failure.terminal().into())
    }

    /// Fails the first `times` attempts in a way that is retried.
    #[handler(name = "failTimes")]
    async fn fail_times(
        &self,
        _ctx: Context<'_>,
        Json(work): Json<Work>,
    ) -> HandlerResult<Json<Report>> {
        let n = self.fx.bump(&work.id);
        if n <= work.times {
            return Err(format!("attempt {n} of {} fails on purpose", work.id).into());
        }
        Ok(Json(Report {
            value: 0,
            attempts: n,
        }))
    }

    /// Does one durable step and fails after it `times` times.
    #[handler(name = "runThenFail")]
    async fn run_then_fail(
        &self,
        ctx: Context<'_>,
        Json(work): Json<Work>,
    ) -> HandlerResult<Json<Report>> {
        let value = step!(ctx, self.fx, "{}", work.id)?;
        let n = self.fx.bump(&format!("{}-attempts", work.id));
        if n <= work.times {
            return Err(format!("attempt {n} of {} fails on purpose", work.id).into());
        }
        Ok(Json(Report { value, attempts: n }))
    }

    /// Has a durable step that fails `times` times under a retry policy of its own.
    #[handler(name = "runRetry")]
    async fn run_retry(&self, ctx: Context<'_>, Json(work): Json<Work>) -> HandlerResult<u32> {
        let mut policy = RunRetryPolicy::new().initial_delay(Duration::from_millis(10));
        if work.max_attempts > 0 {
            policy = policy.max_attempts(work.max_attempts);
        }
        let attempt = || async {
            let n = self.fx.bump(&work.id);
            if n <= work.times {
                return Err(format!("step {} fails on purpose", work.id).into());
            }
            Ok(n)
        };
        Ok(ctx
            .run(attempt)
            .name("retried")
            .retry_policy(policy)
            .await?)
    }

    /// Has a durable step that ends with a terminal failure, and returns that failure.
    #[handler(name = "runFail")]
    async fn run_fail(
        &self,
        ctx: Context<'_>,
        Json(failure): Json<Failure>,
    ) -> HandlerResult<Json<Failure>> {
        match ctx
            .run::<_, _, ()>(|| async { Err(failure.terminal().into()) })
            .await
        {
            Ok(()) => Err(TerminalError::new("the step succeeded").into()),
            Err(err) => Ok(Json(Failure {
                code: err.code(),
                message: err.message().to_owned(),
            })),
        }
    }

    #[handler]
    async fn sleep(&self, ctx: Context<'_>, Json(work): Json<Work>) -> HandlerResult<u64> {
        ctx.sleep(work.pause()).await?;
        Ok(work.millis)
    }

    /// Returns how often it was entered: twice or more when the sleep suspended it.
    /// The timeout is short, so that it is suspended within one check.
    #[handler(inactivity_timeout = "100ms")]
    async fn suspending(&self, ctx: Context<'_>, Json(work): Json<Work>) -> HandlerResult<u32> {
        let entered = self.fx.bump(&work.id);
        ctx.sleep(work.pause()).await?;
        Ok(entered)
    }

    /// Fails once and returns the UUID drawn by the first and by the last attempt.
    #[handler]
    async fn random(
        &self,
        mut ctx: Context<'_>,
        Json(work): Json<Work>,
    ) -> HandlerResult<Json<[String; 2]>> {
        let drawn = ctx.rand_uuid().to_string();
        let first = self.fx.first(&work.id, &drawn);
        if self.fx.bump(&work.id) == 1 {
            return Err(format!("first attempt of {} fails on purpose", work.id).into());
        }
        Ok(Json([first, drawn]))
    }

    #[handler]
    async fn steps(&self, ctx: Context<'_>, Json(work): Json<Work>) -> HandlerResult<String> {
        step!(ctx, self.fx, "{}-1", work.id)?;
        step!(ctx, self.fx, "{}-2", work.id)?;
        ctx.sleep(work.pause()).await?;
        step!(ctx, self.fx, "{}-3", work.id)?;
        Ok(work.id)
    }

    /// Does a step, waits for an hour, and undoes the step when it is cancelled, whether the
    /// cancellation shows in the step or in the wait.
    #[handler]
    async fn compensate(&self, ctx: Context<'_>, Json(work): Json<Work>) -> HandlerResult<String> {
        let mut done = step!(ctx, self.fx, "{}-do", work.id).map(|_| ());
        if done.is_ok() {
            done = ctx.sleep(Duration::from_secs(3600)).await;
        }
        if let Err(cancelled) = done {
            step!(ctx, self.fx, "{}-undo", work.id)?;
            return Err(cancelled.into());
        }
        Ok(work.id)
    }

    #[handler]
    async fn effects(&self, _ctx: Context<'_>, id: String) -> HandlerResult<u32> {
        Ok(self.fx.get(&id))
    }
}
