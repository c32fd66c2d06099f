// Dynamic update: who may, and many at once. Requests that wait while a version is made go into the next one together:
// each is answered when the version with it is on the disk and every worker answers by it.
#include <ctime>

#include "resolver/transfer/keeper.hpp"
#include "zones/update.hpp"
#include "zones/zonemd.hpp"

namespace placard::transfer {
namespace {

using zones::Zone;

struct Made {
  std::shared_ptr<const Zone> zone;  // null: as before
  std::vector<wire::Rcode> codes;    // of each update
  std::string error;
  std::uint64_t journal_octets = 0;
  std::int64_t due_at = 0;  // of a zone that we sign
};

/// All in one new version. False: that would be no zone, and nothing was made.
bool make_version(const ZonePlan& plan, const std::shared_ptr<const Zone>& before,
                  const std::vector<WaitingUpdate>& updates, std::size_t first, std::size_t count, Made& made,
                  zones::ChangeSet& changes) {
  zones::ZoneEditor editor(before);
  std::vector<wire::Rcode> codes;
  for (std::size_t i = first; i < first + count; ++i) {
    const auto message = wire::parse_message(updates[i].message);
    codes.push_back(zones::apply_update(*message, editor));
  }
  if (zones::finish_updates(editor, *before)) {
    auto zone = editor.build();
    if (!zone) {
      made.error = zone.error();
      return false;
    }
    if (plan.sign) {
      auto version = sign_version(plan, *zone, before.get(), std::time(nullptr));
      if (!version) {
        made.error = version.error();
        return false;
      }
      made.due_at = version->next_at;
      made.zone = std::make_shared<const Zone>(version->zone ? *std::move(version->zone) : *std::move(zone));
      changes = zones::difference(*before, *made.zone);
    } else {
      if (const auto digest = zones::check_zonemd(*zone); digest.verdict == zones::ZonemdCheck::Verdict::bad) {
        made.error = "ZONEMD: " + digest.reason;  // secondaries would refuse it
        return false;
      }
      made.zone = std::make_shared<const Zone>(*std::move(zone));
      changes = editor.changes();
    }
  }
  made.codes.insert(made.codes.end(), codes.begin(), codes.end());
  return true;
}

/// One version of all; where one of them would break the zone, one version each, and that one is refused.
Made make(const ZonePlan& plan, std::shared_ptr<const Zone> before, const std::vector<WaitingUpdate>& updates,
          SharedStore& shared) {
  Made made;
  const auto commit = [&](const zones::ChangeSet& changes) {
    const std::lock_guard lock(shared.mutex);
    auto kept = shared.store.commit(*made.zone, changes);
    if (kept)
      made.journal_octets = shared.store.journal().octets();
    else
      made.error = kept.error();
    return kept.has_value();
  };
  zones::ChangeSet changes;
  if (make_version(plan, before, updates, 0, updates.size(), made, changes)) {
    if (made.zone && !commit(changes)) {
      made.zone = nullptr;
      made.codes.assign(updates.size(), wire::Rcode::servfail);
    }
    return made;
  }
  auto current = before;
  for (std::size_t i = 0; i < updates.size(); ++i) {
    made.zone = nullptr;
    if (!make_version(plan, current, updates, i, 1, made, changes)) {
      made.codes.push_back(wire::Rcode::refused);
    } else if (made.zone) {
      if (commit(changes))
        current = made.zone;
      else
        made.codes.back() = wire::Rcode::servfail;
    }
  }
  made.zone = current == before ? nullptr : current;
  return made;
}

bool touches_signing(const wire::MessageView& message) {
  for (const wire::RecordView record : message.records(wire::Section::authority))
    if (zones::is_made_by_signing(record.type())) return true;
  return false;
}

}  // namespace

void ZoneKeeper::on_update(const wire::MessageView& message, ZoneRequest& request) {
  auto check = zones::check_request(message, *keys_, static_cast<std::uint64_t>(std::time(nullptr)));
  if (check.verdict == zones::TsigVerdict::malformed || message.question_type() != wire::RecordType::soa)
    return answer_code(message, request, wire::Rcode::formerr, std::move(check.answer));
  if (check.verdict == zones::TsigVerdict::rejected)
    return answer_code(message, request, wire::Rcode::notauth, std::move(check.answer));
  const auto kept = find(message.question().name, request.listener);
  if (!kept) return answer_code(message, request, wire::Rcode::notauth, std::move(check.answer));
  const auto refuse = [&](wire::Rcode rcode) {
    ++kept->updates_refused;
    answer_code(message, request, rcode, std::move(check.answer));
  };
  if (!kept->plan.is_dynamic() || !kept->plan.update.allows(request.client, check.key.get()))
    return refuse(wire::Rcode::refused);
  if (!kept->zone || kept->updates.size() >= options_.updates) return refuse(wire::Rcode::servfail);
  // Somebody else's signatures would be wrong afterwards; ours are nobody else's business.
  if (!kept->plan.sign && kept->zone->is_signed()) return refuse(wire::Rcode::refused);
  if (kept->plan.sign && touches_signing(message)) return refuse(wire::Rcode::refused);
  kept->updates.push_back({std::move(request.message), std::move(check.answer), request.client, request.reply});
  wake(kept);
}

net::Task<void> ZoneKeeper::update(Kept kept) {
  kept->doing = "updating";
  auto updates = std::make_shared<std::vector<WaitingUpdate>>(std::exchange(kept->updates, {}));
  auto made = std::make_shared<Made>();
  const auto answer = [&] {
    for (std::size_t i = 0; i < updates->size(); ++i) {
      auto& one = (*updates)[i];
      const auto code = made->codes[i];
      ++(code == wire::Rcode::noerror ? kept->updates_done : kept->updates_refused);
      const auto message = wire::parse_message(one.message);
      ZoneRequest request;
      request.reply = one.reply;
      answer_code(*message, request, code, std::move(one.signer));
    }
  };
  if (!kept->plan.is_dynamic()) {  // any more
    made->codes.assign(updates->size(), wire::Rcode::refused);
    co_return answer();
  }
  std::function<void()> work = [updates, made, plan = kept->plan, before = kept->zone, store = kept->store] {
    *made = make(plan, before, *updates, *store);
  };
  auto making = job(std::move(work));
  co_await making;
  if (!made->error.empty()) {
    kept->last_error = "update: " + made->error;
    kept->last_error_at = std::time(nullptr);
  }
  if (made->zone) {
    kept->journal_octets = made->journal_octets;
    if (kept->plan.sign) {
      kept->due_at = made->due_at;
      set_due_timer(kept);
    }
    new_version(kept, made->zone);
    auto publishing = in_force();
    co_await publishing;
    notify_all(kept);
  }
  answer();
}

}  // namespace placard::transfer
