package scenario;

import static dev.restate.serde.Serde.VOID;
import static scenario.Handlers.exclusive;
import static scenario.Handlers.shared;
import static scenario.Values.INT;
import static scenario.Values.JSON;
import static scenario.Values.STRING;
import static scenario.Values.STRINGS;
import static scenario.Values.WORK;

import com.fasterxml.jackson.databind.JsonNode;
import dev.restate.common.Request;
import dev.restate.common.Target;
import dev.restate.sdk.ObjectContext;
import dev.restate.sdk.SharedObjectContext;
import dev.restate.sdk.common.StateKey;
import dev.restate.sdk.endpoint.definition.ServiceDefinition;
import dev.restate.sdk.endpoint.definition.ServiceType;
import dev.restate.serde.Serde;
import dev.restate.serde.jackson.JacksonSerdes;
import java.util.ArrayList;
import java.util.List;
import scenario.Values.Entry;
import scenario.Values.Work;

/** The object with state; its lazy twin asks the server for each value. */
final class Store {
  private static final Serde<Entry> ENTRY = JacksonSerdes.of(Entry.class);
  private static final StateKey<Integer> TOTAL = StateKey.of("total", INT);
  private static final StateKey<List<String>> LIST = StateKey.of("list", STRINGS);

  private final String name;

  Store(String name) {
    this.name = name;
  }

  ServiceDefinition definition(boolean lazy) {
    return ServiceDefinition.of(
            name,
            ServiceType.VIRTUAL_OBJECT,
            List.of(
                exclusive("add", INT, INT, Store::add),
                shared("get", VOID, INT, (ctx, none) -> ctx.get(TOTAL).orElse(0)),
                exclusive("append", STRING, STRINGS, Store::append),
                exclusive("set", ENTRY, Store::set),
                shared("read", STRING, JSON, Store::read),
                shared("keys", VOID, STRINGS, Store::keys),
                exclusive("clear", STRING, (ctx, key) -> ctx.clear(StateKey.of(key, JSON))),
                exclusive("clearAll", VOID, (ctx, none) -> ctx.clearAll()),
                exclusive("hold", WORK, INT, Store::hold),
                exclusive("selfCall", VOID, INT, this::selfCall)))
        .configure(service -> service.enableLazyState(lazy));
  }

  private static int add(ObjectContext ctx, int n) {
    int total = ctx.get(TOTAL).orElse(0) + n;
    ctx.set(TOTAL, total);
    return total;
  }

  private static List<String> append(ObjectContext ctx, String item) {
    List<String> list = new ArrayList<>(ctx.get(LIST).orElse(List.of()));
    list.add(item);
    ctx.set(LIST, list);
    return list;
  }

  private static void set(ObjectContext ctx, Entry in) {
    ctx.set(StateKey.of(in.key(), JsonNode.class), in.value());
  }

  private static byte[] read(SharedObjectContext ctx, String key) {
    return Values.jsonOrNull(ctx.get(StateKey.of(key, JSON)).orElse(new byte[0]));
  }

  private static List<String> keys(SharedObjectContext ctx, Void none) {
    return ctx.stateKeys().stream().sorted().toList();
  }

  private static int hold(ObjectContext ctx, Work w) {
    ctx.sleep(w.pause());
    return w.millis();
  }

  private int selfCall(ObjectContext ctx, Void none) {
    Target target = Target.virtualObject(name, ctx.key(), "add");
    return ctx.call(Request.of(target, INT, INT, 1)).await();
  }
}
