#include "resolver/app/client.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "resolver/app/clock.hpp"
#include "resolver/app/control.hpp"
#include "resolver/app/privileges.hpp"
#include "resolver/app/requests.hpp"
#include "resolver/app/start_checks.hpp"

namespace placard::app {
namespace {

using nlohmann::json;

/// Performs requests on the store itself, while no server runs.
class Alone final : public RequestTarget {
 public:
  Alone(const Options& options, std::string no_server, ImportProgress* progress)
      : options_(options), no_server_(std::move(no_server)), progress_(progress) {}

  Done decide(const std::vector<DecisionFile>& files, const Order& order) override {
    auto store = open_for(order);
    return app::decide({store, options_, nullptr}, files, order.author, system_time());
  }
  Done lift(const std::string& id, const std::string& reason, const Order& order) override {
    auto store = open_for(order);
    return app::lift({store, options_, nullptr}, id, reason, order.author, system_time());
  }
  Done import_list(const ImportRequest& request, const Order& order) override {
    auto source = read_list_file(request, progress_);
    if (!source) return std::unexpected(source.error());
    auto store = open_for(order);
    const SharedRecord record{
        .file = store.path(), .turn = [&](const auto& work) { work({store, options_, nullptr}); }, .now = system_time};
    auto done = take_in_list(record, request, *std::move(source), order.author);
    if (!done) return std::unexpected(done.error());
    return std::move(done->document);
  }
  Done import_progress() override { return nobody(); }
  Done disclose(const std::string& id, const std::string& reason, const Order& order) override {
    auto store = open_for(order);
    return app::disclose({store, options_, nullptr}, id, reason, order.author, system_time());
  }
  Done change_state(const StateRequest& request, const Order& order) override {
    auto store = open_for(order);
    return app::change_state({store, options_, nullptr}, request, order.author, system_time());
  }
  Done why(const WhyRequest& request) override {
    auto store =
        policy::Store::open(options_.fixed.store, policy::Store::Mode::read_only, system_time(), clock_bounds());
    return app::why(store, options_, nullptr, request, system_time());
  }
  Done status() override { return nobody(); }
  Done dump() override { return nobody(); }
  Done trace(const wire::Question&) override { return nobody(); }
  Done flush(const std::optional<wire::Name>&) override { return nobody(); }
  Done cache(const CacheRequest&) override { return nobody(); }
  Done reload() override { return nobody(); }
  Done stop_server() override { return nobody(); }
  Done zone(const ZoneOrder&) override { return nobody(); }

 private:
  policy::Store open_for(const Order& order) const {
    const auto& fixed = options_.fixed;
    const auto privileges = Privileges::find(fixed.user);
    if (!privileges) throw std::runtime_error(privileges.error());
    if (auto made = privileges->make_directory(fixed.state_directory, fixed.state_is_default); !made)
      throw std::runtime_error(made.error());
    const Privileges::AsUser as_user(*privileges);  // the files it makes are the server's to write to
    return policy::Store::open(fixed.store, policy::Store::Mode::read_write, system_time(),
                               clock_bounds(order.clock_is_right));
  }
  Done nobody() const { return std::unexpected(no_server_); }

  const Options& options_;
  std::string no_server_;
  ImportProgress* progress_;  // may be null
};

Output output_of(const std::string& line) {
  const auto reply = json::parse(line, nullptr, false);
  if (reply.is_object()) {
    if (const auto error = reply.find("error"); error != reply.end() && error->is_string())
      return std::unexpected(error->get<std::string>());
    if (const auto output = reply.find("output"); output != reply.end() && output->is_string())
      return output->get<std::string>();
  }
  return std::unexpected("the server's reply cannot be read");
}

}  // namespace

Output perform(const Options& options, const std::string& request, const Rendering& rendering,
               ImportProgress* progress) {
  auto whole = json::parse(request);
  whole["json"] = rendering.as_json;
  whole["width"] = rendering.width;
  const auto line = whole.dump();
  const auto reply = control_call(options.fixed.control_socket, line);
  if (reply) return output_of(*reply);
  if (reply.error().kind != ControlFailure::no_server) return std::unexpected(reply.error().reason);
  Alone alone(options, reply.error().reason, progress);
  return output_of(perform_line(alone, line, author_of(::getuid())));
}

Output read_record(const Options& options, const Rendering& rendering, const std::function<Done(policy::Store&)>& ask) {
  auto store = policy::Store::open(options.fixed.store, policy::Store::Mode::read_only, system_time(), clock_bounds());
  const auto done = ask(store);
  if (!done) return std::unexpected(done.error());
  return rendering.as_json ? policy::to_json(*done) : policy::to_text(*done, rendering.width);
}

}  // namespace placard::app
