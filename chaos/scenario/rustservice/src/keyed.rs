//! Store, LazyStore, Waiter and Order: what has a key.

use std::time::Duration;

use restate_sdk::context::RequestTarget;
use restate_sdk::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::basic::Work;
use crate::comm::Completion;
use crate::effects::{Effects, step};

#[derive(Deserialize)]
pub struct Entry {
    key: String,
    #[serde(default)]
    value: Value,
}

/// Defines the object with state. Its lazy twin asks the server for each value: the SDK has
/// the name of a service and its lazy state in the attribute of one type.
macro_rules! store {
    ($store:ident, $name:tt, $lazy:tt) => {
        pub struct $store;

        #[restate_sdk::object(name = $name, lazy_state = $lazy)]
        impl $store {
            #[handler]
            async fn add(&self, ctx: ObjectContext<'_>, n: i64) -> HandlerResult<i64> {
                let total = ctx.get::<i64>("total").await?.unwrap_or_default() + n;
                ctx.set("total", total);
                Ok(total)
            }

            #[handler]
            async fn get(&self, ctx: SharedObjectContext<'_>) -> HandlerResult<i64> {
                Ok(ctx.get("total").await?.unwrap_or_default())
            }

            #[handler]
            async fn append(
                &self,
                ctx: ObjectContext<'_>,
                item: String,
            ) -> HandlerResult<Json<Vec<String>>> {
                let list = ctx.get::<Json<Vec<String>>>("list").await?;
                let mut list = list.unwrap_or_default().into_inner();
                list.push(item);
                ctx.set("list", Json(list.clone()));
                Ok(Json(list))
            }

            #[handler]
            async fn set(&self, ctx: ObjectContext<'_>, entry: Json<Entry>) -> HandlerResult<()> {
                let Entry { key, value } = entry.into_inner();
                ctx.set(&key, Json(value));
                Ok(())
            }

            #[handler]
            async fn read(
                &self,
                ctx: SharedObjectContext<'_>,
                key: String,
            ) -> HandlerResult<Json<Value>> {
                Ok(ctx.get(&key).await?.unwrap_or_default())
            }

            #[handler]
            async fn keys(&self, ctx: SharedObjectContext<'_>) -> HandlerResult<Json<Vec<String>>> {
                let mut keys = ctx.get_keys().await?;
                keys.sort();
                Ok(Json(keys))
            }

            #[handler]
            async fn clear(&self, ctx: ObjectContext<'_>, key: String) -> HandlerResult<()> {
                ctx.clear(&key);
                Ok(())
            }

            #[handler(name = "clearAll")]
            async fn clear_all(&self, ctx: ObjectContext<'_>) -> HandlerResult<()> {
                ctx.clear_all();
                Ok(())
            }

            #[handler]
            async fn hold(&self, ctx: ObjectContext<'_>, work: Json<Work>) -> HandlerResult<u64> {
                ctx.sleep(work.0.pause()).await?;
                Ok(work.0.millis)
            }

            #[handler(name = "selfCall")]
            async fn self_call(&self, ctx: ObjectContext<'_>) -> HandlerResult<i64> {
                let target = RequestTarget::object($name, ctx.key(), "add");
                Ok(ctx.request::<i64, i64>(target, 1).call().await?)
            }
        }
    };
}

store!(Store, "RustStore", false);
store!(LazyStore, "RustLazyStore", true);

/// Publishes what it waits for as state, so that a shared handler can tell.
pub struct Waiter;

#[restate_sdk::object(name = "RustWaiter")]
impl Waiter {
    /// Publishes an awakeable, sleeps, and only then waits for it.
    #[handler(name = "await")]
    async fn wait(&self, ctx: ObjectContext<'_>, work: Json<Work>) -> HandlerResult<String> {
        let (id, awakeable) = ctx.awakeable::<String>();
        ctx.set("pending", id);
        if work.0.millis > 0 {
            ctx.sleep(work.0.pause()).await?;
        }
        Ok(awakeable.await?)
    }

    /// Sleeps, then waits for the signals "one" and "two" and joins their values.
    #[handler(name = "awaitSignal")]
    async fn wait_signal(&self, ctx: ObjectContext<'_>, work: Json<Work>) -> HandlerResult<String> {
        if work.0.millis > 0 {
            ctx.sleep(work.0.pause()).await?;
        }
        let one = ctx.signal::<String>("one").await?;
        let two = ctx.signal::<String>("two").await?;
        Ok(format!("{one},{two}"))
    }

    /// Gives an awakeable to another service, which resolves it.
    #[handler(name = "handOver")]
    async fn hand_over(&self, ctx: ObjectContext<'_>, value: String) -> HandlerResult<String> {
        let (id, awakeable) = ctx.awakeable::<String>();
        let (name, message) = Default::default();
        let completion = Json(Completion {
            id,
            name,
            value,
            message,
        });
        let target = RequestTarget::service("RustComm", "resolve");
        ctx.request::<_, ()>(target, completion).send();
        Ok(awakeable.await?)
    }

    #[handler]
    async fn pending(&self, ctx: SharedObjectContext<'_>) -> HandlerResult<String> {
        Ok(ctx.get("pending").await?.unwrap_or_default())
    }
}

#[derive(Deserialize)]
pub struct Purchase {
    id: String,
    #[serde(default)]
    millis: u64,
    #[serde(default)]
    wait: bool,
}

#[derive(Serialize)]
pub struct Receipt {
    id: String,
    go: String,
}

/// The workflow: step, sleep, step, maybe a promise, step.
pub struct Order {
    pub fx: Effects,
}

#[restate_sdk::workflow(name = "RustOrder", workflow_completion_retention = "1h")]
impl Order {
    #[handler]
    async fn run(
        &self,
        ctx: WorkflowContext<'_>,
        Json(purchase): Json<Purchase>,
    ) -> HandlerResult<Json<Receipt>> {
        let id = purchase.id;
        step!(ctx, self.fx, "{id}-1")?;
        ctx.set("status", "started".to_owned()); // visible: the first step is durable
        if purchase.millis > 0 {
            ctx.sleep(Duration::from_millis(purchase.millis)).await?;
        }
        step!(ctx, self.fx, "{id}-2")?;
        let mut go = String::new();
        if purchase.wait {
            ctx.set("status", "waiting".to_owned());
            go = ctx.promise("go").await?;
        }
        step!(ctx, self.fx, "{id}-3")?;
        ctx.set("status", "done".to_owned());
        Ok(Json(Receipt { id, go }))
    }

    #[handler]
    async fn status(&self, ctx: SharedWorkflowContext<'_>) -> HandlerResult<String> {
        Ok(ctx.get("status").await?.unwrap_or_default())
    }

    #[handler]
    async fn go(&self, ctx: SharedWorkflowContext<'_>, value: String) -> HandlerResult<()> {
        ctx.resolve_promise("go", value);
        Ok(())
    }

    #[handler]
    async fn refuse(&self, ctx: SharedWorkflowContext<'_>, message: String) -> HandlerResult<()> {
        ctx.reject_promise("go", TerminalError::new(message));
        Ok(())
    }

    #[handler]
    async fn peek(&self, ctx: SharedWorkflowContext<'_>) -> HandlerResult<Json<Option<String>>> {
        Ok(Json(ctx.peek_promise("go").await?))
    }
}
