#include "cli/commands.hpp"

#include <csignal>
#include <iostream>
#include <iterator>
#include <span>

#include "cli/bench.hpp"
#include "cli/command_line_parser.hpp"
#include "cli/exchange.hpp"
#include "cli/json_check.hpp"
#include "cli/json_text.hpp"
#include "cli/output.hpp"
#include "cli/params.hpp"
#include "cli/reply.hpp"
#include "cli/token.hpp"
#include "proto/json_text.hpp"

namespace sluice::client {
namespace {

Outcome run_command(const CommandLine& line) {
  if (line.tls.insecure) print_error("warning: --insecure: the server may be any that answers there");
  switch (line.command) {
    case Command::call:
      return run_call(line);
    case Command::notify:
      return run_notify(line);
    case Command::batch:
      return run_batch(line);
    case Command::publish:
      return run_publish(line);
    case Command::subscribe:
      return run_subscribe(line);
    case Command::methods:
      return run_methods(line);
    case Command::describe:
      return run_describe(line);
    case Command::bench:
      return run_bench(line);
    case Command::token:
      return run_token(line);
  }
  return ExitCode::usage;
}

ExitCode report(const Failure& failure) {
  if (failure.code == ExitCode::ok) {
    print_line(failure.message);
  } else {
    print_error(failure.message);
  }
  return failure.code;
}

Outcome print_result(const Result<std::string>& result) {
  if (!result) return result.error();
  print_json(result.value());
  return ExitCode::ok;
}

void show_note(std::string_view note) { print_error("note: " + describe_note(note)); }

Result<std::string> operand_params(const CommandLine& line) {
  return params_from_words(std::span(line.operands).subspan(1), std::cin);
}

}  // namespace

Outcome run_call(const CommandLine& line) {
  const Result<std::string> params = operand_params(line);
  if (!params) return params.error();
  return print_result(fetch_result(line, line.operands.front(), params.value(),
                                   line.settings.notes ? OnNote(show_note) : OnNote()));
}

Outcome run_publish(const CommandLine& line) {
  const std::string& given = line.operands.back();
  const std::string text = given == "-" ? std::string(std::istreambuf_iterator<char>(std::cin), {}) : given;
  const std::string_view data = trim_blank(text);
  if (const auto offset = json_error_offset(data)) {
    return usage_error("the event is not valid JSON: at byte " + std::to_string(*offset));
  }
  const std::string topic = proto::quoted(line.operands.front());
  return print_result(
      fetch_result(line, "rpc.publish", "{\"topic\":" + topic + ",\"data\":" + std::string(data) + "}"));
}

Outcome run_notify(const CommandLine& line) {
  const Result<std::string> params = operand_params(line);
  if (!params) return params.error();
  return send_unanswered(line, make_request(line.operands.front(), params.value(), "", line.settings));
}

ExitCode run(int argc, const char* const* argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that stops is an error of a write, no death
  const Result<CommandLine> line = parse_command_line(argc, argv);
  const Outcome outcome = line ? run_command(line.value()) : line.error();
  const ExitCode ended = outcome ? outcome.value() : report(outcome.error());
  if (!finish_output() && ended == ExitCode::ok) return ExitCode::rpc_error;
  return ended;
}

Outcome run_token(const CommandLine& line) {
  const bool given = !line.operands.empty();
  const Result<std::string> token = given ? read_token(std::cin, "on stdin") : new_token();
  if (!token) return token.error();
  const Result<std::string> digest = digest_line(token.value());
  if (!digest) return digest.error();
  if (!given) print_line(token.value());
  print_line(digest.value());
  return ExitCode::ok;
}

}  // namespace sluice::client
