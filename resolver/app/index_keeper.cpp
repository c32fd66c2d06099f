#include "resolver/app/index_keeper.hpp"

#include <fmt/format.h>

#include <system_error>
#include <utility>

#include "resolver/app/start_checks.hpp"
#include "resolver/net/background.hpp"

namespace placard::app {
namespace {

constexpr const char* kBackground = ".background";

}  // namespace

IndexKeeper::IndexKeeper(std::filesystem::path store, Warn warn) : store_(std::move(store)), warn_(std::move(warn)) {}

IndexKeeper::~IndexKeeper() {
  stop();
}

std::shared_ptr<const policy::Image> IndexKeeper::base() const {
  const std::lock_guard lock(mutex_);
  return base_;
}

void IndexKeeper::use(std::shared_ptr<const policy::Image> image) {
  const std::lock_guard lock(mutex_);
  if (!base_ || image->view().header().newest() >= base_->view().header().newest()) base_.swap(image);
}  // the one that is let go is freed here, unless a snapshot still has it

void IndexKeeper::open(policy::Store& store, policy::Time now) {
  std::error_code error;
  if (std::filesystem::exists(file(), error)) {
    auto mapped = policy::Image::map(file());
    if (mapped) {
      if (const auto ours = policy::is_image_of(store, **mapped, now); !ours)
        mapped = std::unexpected(fmt::format("{}: {}", file().string(), ours.error()));
    }
    if (mapped) {
      use(*std::move(mapped));
      const std::lock_guard lock(mutex_);
      unverified_ = true;
      return;
    }
    warn_(fmt::format("{}; it is made anew from the record", mapped.error()));
  }
  use(compile(store, now, ".partial"));
}

std::shared_ptr<const policy::Image> IndexKeeper::compile(policy::Store& store, policy::Time now, const char* partial) {
  try {
    const bool in_background = std::string_view(partial) == kBackground;
    policy::FileSink sink(file(), partial);
    policy::write_index(store, sink, now, [this, in_background](std::size_t) {
      unless_stopping();
      if (in_background && give_way_) throw std::system_error(std::make_error_code(std::errc::operation_canceled));
    });
    sink.commit();
    auto mapped = policy::Image::map(file());
    if (mapped) return *std::move(mapped);
    warn_(fmt::format("the index was written and can't be used: {}", mapped.error()));
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::operation_canceled) throw;
    warn_(fmt::format("the index can't be kept in a file, only in memory: {}", error.what()));
  }
  policy::MemorySink sink;
  policy::write_index(store, sink, now);
  return policy::Image::copy(sink.octets());
}

std::shared_ptr<const policy::Index> IndexKeeper::current(policy::Store& store, const std::vector<policy::View>& views,
                                                          const std::vector<policy::SourcePolicy>& policies,
                                                          std::uint64_t generation, policy::Time now) {
  const auto ours = policy::is_image_of(store, *base(), now);
  auto overlay = ours ? policy::load_overlay(store, *base()) : std::unexpected(ours.error());
  if (!overlay) {
    use(compile(store, now, ".partial"));
    overlay = nullptr;
  } else if (*overlay) {
    const auto& header = (*overlay)->view().header();
    if (header.rule_count >= kCompileAfterRules || header.decision_count >= kCompileAfterDecisions) want_compile();
  }
  return policy::Index::assemble(base(), *std::move(overlay), views, policies, generation);
}

std::unique_ptr<UpcomingIndex> IndexKeeper::write_upcoming(const policy::UpcomingList& list, policy::Time now) {
  give_way_ = true;
  const std::lock_guard compiling(compiling_);
  give_way_ = false;
  try {
    auto store = policy::Store::open(store_, policy::Store::Mode::read_only, now);
    auto made = std::make_unique<UpcomingIndex>(file());
    made->header = policy::write_index(
        store, made->sink, store.effective_now(now), [this](std::size_t) { unless_stopping(); }, {}, &list);
    made->sink.sync();
    return made;
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::operation_canceled) warn_(fmt::format("the index: {}", error.what()));
  } catch (const std::exception& error) {
    warn_(fmt::format("the index: {}", error.what()));
  }
  return nullptr;
}

void IndexKeeper::take_over(UpcomingIndex& index, policy::Store& store, std::int64_t sequence) {
  policy::include_entry(index.header, store, sequence);
  try {
    index.sink.put_header(index.header);
    index.sink.commit();
  } catch (const std::system_error& error) {
    warn_(fmt::format("the index: {}", error.what()));
    return;
  }
  if (auto mapped = policy::Image::map(file())) {
    (*mapped)->fault_in();
    use(*std::move(mapped));
  } else {
    warn_(fmt::format("the index: {}", mapped.error()));
  }
}

void IndexKeeper::unless_stopping() {
  const std::lock_guard lock(mutex_);
  if (stopping_) throw std::system_error(std::make_error_code(std::errc::operation_canceled));
}

void IndexKeeper::want_compile() {
  const std::lock_guard lock(mutex_);
  compile_wanted_ = true;
  wake_.notify_all();
}

void IndexKeeper::start(std::function<void()> compiled, std::function<policy::Time()> clock) {
  compiled_ = std::move(compiled);
  clock_ = std::move(clock);
  thread_ = std::thread([this] { run(); });
}

void IndexKeeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void IndexKeeper::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || unverified_ || record_unverified_ || compile_wanted_; });
    if (stopping_) return;
    const bool check = std::exchange(unverified_, false);
    lock.unlock();
    do_jobs(check);
    lock.lock();
  }
}

void IndexKeeper::do_jobs(bool check) {
  const net::Background background;
  if (check) verify();
  if (std::exchange(record_unverified_, false)) verify_record();
  std::unique_lock lock(mutex_);
  if (stopping_ || !std::exchange(compile_wanted_, false)) return;
  lock.unlock();
  compile_anew();
}

void IndexKeeper::verify() {
  const auto image = base();
  const auto whole = policy::verify_image(image->view().bytes());
  if (whole) return;
  warn_(fmt::format("{}: {}; it is made anew from the record", file().string(), whole.error()));
  std::error_code ignored;
  std::filesystem::remove(file(), ignored);
  want_compile();
}

/// The rows of lists, which the start had no time for.
void IndexKeeper::verify_record() {
  try {
    auto store = policy::Store::open(store_, policy::Store::Mode::read_only, clock_());
    const auto checked = check_record(store, RecordCheck::whole, [this] { unless_stopping(); });
    if (!checked) warn_(checked.error());
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::operation_canceled) warn_(fmt::format("checking the record: {}", error.what()));
  } catch (const policy::StoreError& error) {
    warn_(fmt::format("checking the record: {}", error.what()));
  }
}

void IndexKeeper::compile_anew() {
  try {
    const auto now = clock_();
    auto store = policy::Store::open(store_, policy::Store::Mode::read_only, now);
    {
      const std::lock_guard compiling(compiling_);
      auto image = compile(store, store.effective_now(now), kBackground);
      image->fault_in();
      const net::Foreground foreground;
      use(std::move(image));
    }
    const net::Foreground foreground;
    compiled_();
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::operation_canceled) warn_(fmt::format("compiling the index: {}", error.what()));
  } catch (const std::exception& error) {
    warn_(fmt::format("compiling the index: {}", error.what()));
  }
}

}  // namespace placard::app
