#include "cli/command_line_parser.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <map>
#include <memory>

#include "cli/command_line_checks.hpp"
#include "cli/duration.hpp"
#include "cli/help_text.hpp"
#include "cli/json_check.hpp"
#include "cli/token.hpp"
#include "proto/utf8.hpp"

namespace sluice::client {
namespace {

constexpr auto kTimeoutDefault = std::chrono::seconds(60);
// The time that the client waits for an answer beyond the server's time limit.
constexpr auto kDeadlineSlack = std::chrono::seconds(5);

constexpr std::uint64_t kEventsMax = 1'000'000'000'000;

// The user's arguments, before they are checked.
struct RawOptions {
  std::string timeout;
  std::string deadline;
  std::string traceparent;
  std::string token_file;
};

// Words that are not options are read as extras: CLI11 would split a positional like
// [1,2] at its commas. Its usage line is therefore ours too.
class UsageFormatter : public CLI::Formatter {
 public:
  explicit UsageFormatter(std::string usage) : usage_(std::move(usage)) {}
  std::string make_usage(const CLI::App*, std::string) const override {
    return "Usage: sluice " + usage_ + "\n";
  }

 private:
  std::string usage_;
};

CLI::App* add_command(CLI::App& app, const char* name, const char* operands, const char* summary) {
  CLI::App* command = app.add_subcommand(name, summary);
  command->allow_extras();
  command->formatter(std::make_shared<UsageFormatter>(std::string(name) + " [OPTIONS] " + operands));
  command->footer(kMainHelp);
  return command;
}

void add_timeout(CLI::App* command, RawOptions& raw) {
  command->add_option("--timeout", raw.timeout, "Longest wait for the whole command (60s)")
      ->type_name("TIME");
}

// A token itself would be seen in the list of processes and kept in the shell's history.
void add_token(CLI::App* command, RawOptions& raw) {
  command
      ->add_option("--token-file", raw.token_file,
                   "File (-: stdin) with the token to authenticate with, in place of $SLUICE_TOKEN")
      ->type_name("FILE");
}

void add_tls(CLI::App* command, TlsOptions& tls) {
  command
      ->add_option("--ca", tls.authorities,
                   "PEM file with the authorities to trust, in place of the system's")
      ->type_name("FILE");
  command->add_option("--cert", tls.certificate, "PEM file with the client's certificate and its chain")
      ->type_name("FILE");
  command->add_option("--key", tls.key, "PEM file with that certificate's key, without a passphrase")
      ->type_name("FILE");
  command->add_flag("--insecure", tls.insecure, "Accept any certificate of the server, whatever it names");
}

void add_subscribe_options(CLI::App* command, SubscribeOptions& options) {
  command
      ->add_option("--from", options.from, "Where to begin: now, last (of each topic), or behind a POS (now)")
      ->type_name("POS");
  command->add_option("--count", options.count, "Events to print before it ends (no end)")
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{1}, kEventsMax));
  command
      ->add_option("--filter", options.filter,
                   "Print only events with these values, as {\"/status\":\"paid\"}")
      ->type_name("JSON");
  command->add_flag("--full", options.full, "Print whole notifications, with topic and pos");
}

void add_call_options(CLI::App* command, RawOptions& raw) {
  add_timeout(command, raw);
  command->add_option("--deadline", raw.deadline, "The server's time limit for each call, sent as timeout_ms")
      ->type_name("TIME");
  command->add_option("--traceparent", raw.traceparent, "W3C trace context to send along")->type_name("TEXT");
}

using Commands = std::map<CLI::App*, Command>;

Commands add_commands(CLI::App& app, RawOptions& raw, CommandLine& line) {
  CLI::App* call =
      add_command(app, "call", "[ADDRESS] METHOD [PARAMS...]", "Calls a method and prints its result");
  CLI::App* notify = add_command(app, "notify", "[ADDRESS] METHOD [PARAMS...]", "Sends a notification");
  CLI::App* batch = add_command(app, "batch", "[ADDRESS] [CALLS...]", "Sends calls as one batch");
  CLI::App* publish = add_command(app, "publish", "[ADDRESS] TOPIC JSON", "Publishes an event to a topic");
  CLI::App* subscribe =
      add_command(app, "subscribe", "[ADDRESS] TOPIC...", "Prints the events of topics as they come");
  CLI::App* methods = add_command(app, "methods", "[ADDRESS]", "Lists the methods that may be called");
  CLI::App* describe =
      add_command(app, "describe", "[ADDRESS] METHOD", "Shows a method's OpenRPC description");
  CLI::App* bench = add_command(app, "bench", "[ADDRESS]", "Measures throughput and latency");
  CLI::App* token = add_command(app, "token", "[-]", "Makes a token by which a client authenticates");
  token->footer(kTokenHelp);
  notify->footer(std::string(kNotifyHelp) + "\n\n" + kMainHelp);
  batch->footer(std::string(kBatchHelp) + "\n\n" + kMainHelp);
  publish->footer(std::string(kPublishHelp) + "\n\n" + kMainHelp);
  subscribe->footer(std::string(kSubscribeHelp) + "\n\n" + kMainHelp);
  for (CLI::App* command : {call, notify, batch, publish}) add_call_options(command, raw);
  for (CLI::App* command : {subscribe, methods, describe}) add_timeout(command, raw);
  const std::array connecting{call, notify, batch, publish, subscribe, methods, describe};
  for (CLI::App* command : connecting) add_token(command, raw);
  for (CLI::App* command : connecting) add_tls(command, line.tls);
  add_token(bench, raw);
  call->add_flag("--progress", line.settings.notes, "Show the call's notes on stderr while it waits");
  add_subscribe_options(subscribe, line.subscribe);
  add_bench_options(*bench, line.bench);
  return {{call, Command::call},         {notify, Command::notify},       {batch, Command::batch},
          {publish, Command::publish},   {subscribe, Command::subscribe}, {methods, Command::methods},
          {describe, Command::describe}, {bench, Command::bench},         {token, Command::token}};
}

Failure option_error(std::string_view option, const Failure& why) {
  return usage_error(std::string(option) + ": " + why.message);
}

// 00-<32 hex digits>-<16>-<2>, as https://www.w3.org/TR/trace-context/ has it.
bool is_traceparent(std::string_view text) {
  constexpr std::string_view kShape = "hh-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";
  const auto fits = [](char c, char shape) {
    return shape == '-' ? c == '-' : (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  };
  return std::equal(text.begin(), text.end(), kShape.begin(), kShape.end(), fits);
}

Result<void> read_settings(const RawOptions& raw, CommandLine& line) {
  line.timeout = kTimeoutDefault;
  if (!raw.deadline.empty()) {
    const auto deadline = parse_duration(raw.deadline);
    if (!deadline) return option_error("--deadline", deadline.error());
    line.settings.deadline = std::chrono::ceil<std::chrono::milliseconds>(deadline.value());
    line.timeout = std::max<std::chrono::nanoseconds>(line.timeout, deadline.value() + kDeadlineSlack);
  }
  if (!raw.timeout.empty()) {
    const auto timeout = parse_duration(raw.timeout);
    if (!timeout) return option_error("--timeout", timeout.error());
    line.timeout = timeout.value();
  }
  if (!raw.traceparent.empty() && !is_traceparent(raw.traceparent)) {
    return usage_error("--traceparent: must look like 00-<32 hex digits>-<16 hex digits>-<2 hex digits>");
  }
  line.settings.traceparent = raw.traceparent;
  return success();
}

// Words that CLI11 knows no option for.
Result<void> check_no_options(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word.size() < 2 || word[0] != '-' || is_json(word)) continue;  // stdin, or a negative number
    return usage_error("unknown option " + word + "; see --help, and put -- before params that begin with -");
  }
  return success();
}

// Takes ADDRESS off the front, if it is there, and leaves the operands.
Result<void> read_words(std::vector<std::string> words, CommandLine& line) {
  for (const std::string& word : words) {
    if (!proto::is_utf8(word)) return usage_error("'" + word + "' is not UTF-8");
  }
  const bool given = !words.empty() && looks_like_address(words.front());
  Result<Address> address = given ? parse_address(words.front()) : default_address();
  if (!address) return address.error();
  line.address = address.value();
  line.operands.assign(words.begin() + (given ? 1 : 0), words.end());
  return success();
}

bool reads_stdin(const CommandLine& line) {
  const bool batch = line.command == Command::batch;
  return line.operands.empty() ? batch
                               : line.operands.back() == "-" && line.operands.size() == (batch ? 1 : 2);
}

Result<void> read_token_option(const RawOptions& raw, CommandLine& line) {
  if (line.command == Command::token) return success();
  if (raw.token_file == "-" && reads_stdin(line)) {
    return usage_error("--token-file -: stdin is already used for the params or calls");
  }
  Result<std::string> token = token_of_user(raw.token_file);
  if (!token) return token.error();
  line.token = std::move(token).value();
  return success();
}

Failure parse_failure(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() != 0) return usage_error(std::string(error.what()) + "; see --help");
  std::ostringstream text;
  app.exit(error, text, text);
  std::string help = text.str();
  while (help.ends_with('\n')) help.pop_back();
  return {ExitCode::ok, help};
}

}  // namespace

Result<CommandLine> parse_command_line(int argc, const char* const* argv) {
  CLI::App app("Calls, inspects and measures JSON-RPC 2.0 servers.", "sluice");
  app.footer(kMainHelp);
  app.set_version_flag("--version", "sluice " SLUICE_VERSION);
  app.require_subcommand(1);
  RawOptions raw;
  CommandLine line;
  const Commands commands = add_commands(app, raw, line);
  // No command reads words behind -- as options.
  const char* const* const end = argv + argc;
  const char* const* const marker =
      std::find_if(argv, end, [](const char* word) { return std::string_view(word) == "--"; });
  try {
    app.parse(static_cast<int>(marker - argv), argv);
  } catch (const CLI::ParseError& error) {
    return parse_failure(app, error);
  }
  CLI::App* chosen = app.get_subcommands().front();
  line.command = commands.at(chosen);
  std::vector<std::string> words = chosen->remaining();
  if (auto checked = check_no_options(words); !checked) return checked.error();
  if (marker != end) words.insert(words.end(), marker + 1, end);
  if (auto read = read_words(std::move(words), line); !read) return read.error();
  if (auto read = read_settings(raw, line); !read) return read.error();
  if (auto checked = check_command_line(line); !checked) return checked.error();
  if (auto read = read_token_option(raw, line); !read) return read.error();
  if (line.command != Command::bench) return line;
  if (auto checked = check_bench_options(line.bench); !checked) return checked.error();
  return line;
}

}  // namespace sluice::client
