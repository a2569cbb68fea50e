// Texts of --help.
#pragma once

namespace sluice::client {

inline constexpr const char* kMainHelp =
    "ADDRESS is tcp://HOST:PORT (or HOST:PORT), tls://HOST:PORT or unix:///path, which carry a JSON stream,\n"
    "or a URL of http, https, ws or wss. Left out it is $SLUICE_ADDRESS, then tcp://127.0.0.1:7070.\n"
    "Over TLS the server's certificate must name HOST, and be signed by an authority of the system or of\n"
    "--ca.\n"
    "PARAMS is one JSON array or object, or key=value pairs, or values by position (a value that is not\n"
    "JSON is a string), or - to read JSON from stdin. Put -- before words that begin with - and are not\n"
    "numbers. Durations have a unit: 250ms, 5s, 1m.\n"
    "Results go to stdout as JSON, errors to stderr.\n"
    "Exit code: 0 result, 1 JSON-RPC error, 2 usage, 3 could not connect or timed out.";
inline constexpr const char* kNotifyHelp =
    "Sends a notification, then waits until the server has served it and closed the connection, or over\n"
    "HTTP until it responds. Not over WebSocket, whose close would cancel a call that still runs.";
inline constexpr const char* kBatchHelp =
    "CALLS is one JSON array of calls, or one quoted 'METHOD PARAMS' for each; without CALLS (or with -) "
    "stdin is\n"
    "read, as a JSON array or as one METHOD PARAMS a line. A call without a \"jsonrpc\" member gets that and "
    "an\n"
    "id. A call with one is sent unchanged: without an id it is a notification.\n"
    "The replies are printed in the order of the calls, one a line; exit code 1 if any is an error.";

inline constexpr const char* kPublishHelp =
    "JSON is one value, or - to read it from stdin. Prints the position of the event, and the number of\n"
    "subscribers that it is for.";

inline constexpr const char* kSubscribeHelp =
    "TOPIC is a name or a prefix as orders.*. Each event is one line: its value, or with --full the whole\n"
    "notification. If the connection is lost, it connects again after 100 ms to 5 s and goes on behind the\n"
    "last event. Events that are missing are reported on stderr. It ends after --count events, at Ctrl-C\n"
    "(exit code 0), when stdout is closed, when the server refuses it, or when it cannot connect at first.\n"
    "--timeout is for each connection, until the server has accepted the subscription.";

inline constexpr const char* kTokenHelp =
    "Prints a new token, and the line for a [[client]] entry of the server's configuration by which holders\n"
    "of the token authenticate. With - a token is read from stdin, and its line alone is printed.";

}  // namespace sluice::client
