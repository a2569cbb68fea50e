// Java's own HTTP and WebSocket clients: `java JavaClient HTTP_URL WS_URL LONG_MS`.
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

class JavaClient {
  interface Asker {
    String ask(String text) throws Exception;
  }

  static final HttpClient http = HttpClient.newHttpClient();  // which offers HTTP/2 with each first request

  static void check(boolean good, Object what) {
    if (!good) throw new AssertionError(what);
  }

  static String call(String method, String params, String id) {
    return "{\"jsonrpc\":\"2.0\",\"method\":\"" + method + "\",\"params\":" + params + ",\"id\":" + id + "}";
  }

  static String result(String result, String id) {
    return "{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"result\":" + result + "}";
  }

  // The calls that are made in every way, and their replies.
  static void calls(String longMs, Asker asker) throws Exception {
    String big = "[\"" + "x".repeat(1_000_000) + "\"]";
    String text = "[\"é\uD83D\uDE00\"]";
    check(asker.ask(call("demo.sum", "[1,2,4]", "1")).equals(result("7", "1")), "sum");
    check(asker.ask(call("demo.echo", text, "2")).equals(result(text, "2")), "echo");
    check(asker.ask(call("demo.echo", big, "3")).equals(result(big, "3")), "a long text");
    check(asker.ask(call("no.such", "[]", "4")).contains("-32601"), "no such method");
    check(asker.ask(call("demo.fail", "{\"code\":1234567,\"message\":\"asked for\"}", "5")).contains("1234567"), "an error");
    check(asker.ask(call("demo.sleep", "{\"ms\":" + longMs + "}", "6")).contains("slept_ms"), "a long call");
  }

  static HttpRequest.Builder post(String url, String text) {
    return HttpRequest.newBuilder(URI.create(url)).header("Content-Type", "application/json").POST(BodyPublishers.ofString(text));
  }

  static void overHttp(String url, String longMs) throws Exception {
    calls(longMs, text -> http.send(post(url, text).build(), BodyHandlers.ofString()).body());
    HttpResponse<String> nothing = http.send(post(url, "{\"jsonrpc\":\"2.0\",\"method\":\"demo.subtract\",\"params\":[2,1]}").build(), BodyHandlers.ofString());
    check(nothing.statusCode() == 204, nothing.statusCode());

    var all = new ArrayList<CompletableFuture<HttpResponse<String>>>();
    for (int n = 0; n < 50; ++n) all.add(http.sendAsync(post(url, call("demo.sum", "[" + n + "]", "1")).build(), BodyHandlers.ofString()));
    for (int n = 0; n < 50; ++n) check(all.get(n).get().body().equals(result("" + n, "1")), n);

    try {
      http.send(post(url, call("demo.sleep", "{\"ms\":600000}", "1")).timeout(Duration.ofMillis(100)).build(), BodyHandlers.ofString());
      check(false, "a call that is given up was answered");
    } catch (HttpTimeoutException expected) {
    }
    var refused = http.send(post(url, call("demo.sleep", "{\"ms\":600000}", "1")).header("Sluice-Timeout-Ms", "50").build(), BodyHandlers.ofString());
    check(refused.body().contains("-32002"), refused.body());
  }

  static class Replies implements WebSocket.Listener {
    final BlockingQueue<String> queue = new LinkedBlockingQueue<>();
    final StringBuilder partial = new StringBuilder();

    @Override
    public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
      partial.append(data);
      if (last) {
        queue.add(partial.toString());
        partial.setLength(0);
      }
      socket.request(1);
      return null;
    }

    @Override
    public CompletionStage<?> onPong(WebSocket socket, ByteBuffer message) {
      queue.add("pong");
      socket.request(1);
      return null;
    }

    @Override
    public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
      queue.add("close " + code);
      return null;
    }

    @Override
    public void onError(WebSocket socket, Throwable error) {
      queue.add("error " + error);
    }

    String next() throws InterruptedException {
      return String.valueOf(queue.poll(30, TimeUnit.SECONDS));
    }
  }

  static void overWebSocket(String url, String longMs) throws Exception {
    var replies = new Replies();
    WebSocket socket = http.newWebSocketBuilder().subprotocols("chat", "jsonrpc").buildAsync(URI.create(url), replies).get();
    check(socket.getSubprotocol().equals("jsonrpc"), socket.getSubprotocol());
    calls(longMs, text -> {
      socket.sendText(text, true).get();
      return replies.next();
    });

    socket.sendText(call("demo.sleep", "{\"ms\":600000}", "7"), true).get();
    socket.sendPing(ByteBuffer.wrap(new byte[] {1, 2})).get();
    check(replies.next().equals("pong"), "a pong while a call runs");
    socket.sendText(call("rpc.cancel", "{\"id\":7}", "8"), true).get();
    String both = replies.next() + replies.next();
    check(both.contains("-32800") && both.contains(result("true", "8")), both);

    String pieces = call("demo.sum", "[1,2]", "9");
    socket.sendText(pieces.substring(0, 20), false).get();
    socket.sendText(pieces.substring(20), true).get();
    check(replies.next().equals(result("3", "9")), "fragments");

    socket.sendClose(WebSocket.NORMAL_CLOSURE, "done").get();
    String end = replies.next();
    check(end.equals("close 1000"), end);

    // One that leaves a call behind.
    WebSocket leaving = http.newWebSocketBuilder().buildAsync(URI.create(url), new Replies()).get();
    leaving.sendText(call("demo.sleep", "{\"ms\":600000}", "1"), true).get();
    leaving.abort();
  }

  public static void main(String[] arguments) throws Exception {
    overHttp(arguments[0], arguments[2]);
    overWebSocket(arguments[1], arguments[2]);
    System.out.println("ok");
    System.exit(0);  // its threads stay for a while
  }
}
