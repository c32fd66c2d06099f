// The policy index of a running server: its file, what was recorded since, and the thread that compiles it anew.
//
// The file lies beside the store (STORE.index). At the start it is mapped and used at once when its header is whole and
// it was made from this very record; the rest of it is read and checked in the background, and a file that turns out to
// be damaged is made anew from the store; then the rows of lists are held against the record's log. What is recorded
// later goes into a small overlay, made at once; when that has grown, or was too much from the beginning, everything is
// compiled into a new file. The thread that does so is of the background (net::Background).
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "policy/match/compile.hpp"
#include "policy/record/store.hpp"

namespace placard::app {

/// Rules in an overlay from which on a compile pays: each question that may be met by one looks in two places.
inline constexpr std::size_t kCompileAfterRules = 5000;
/// The same of decisions restated in it.
inline constexpr std::size_t kCompileAfterDecisions = 1000;

/// An image on the disk that is not in use yet.
struct UpcomingIndex {
  explicit UpcomingIndex(const std::filesystem::path& file) : sink(file, ".upcoming") {}
  policy::FileSink sink;
  policy::ImageHeader header{};
};

class IndexKeeper {
 public:
  using Warn = std::function<void(const std::string&)>;
  IndexKeeper(std::filesystem::path store, Warn warn);
  ~IndexKeeper();  ///< stops

  /// Maps the file, or makes it: this may take seconds. Throws policy::StoreError. As the user who will go on with it.
  void open(policy::Store& store, policy::Time now);

  /// The index of all that is recorded now. Throws policy::StoreError. REQUIRES open().
  std::shared_ptr<const policy::Index> current(policy::Store& store, const std::vector<policy::View>& views,
                                               const std::vector<policy::SourcePolicy>& policies,
                                               std::uint64_t generation, policy::Time now);

  /// An index with a list that is being recorded, written beside the one in use: see take_over(). Any thread; may take
  /// seconds. Null when it can't be made, which is told, or when stop() was called.
  std::unique_ptr<UpcomingIndex> write_upcoming(const policy::UpcomingList& list, policy::Time now);
  /// Uses it instead: the list is in the record now, by the entry `sequence`. current() has the rest. As current().
  void take_over(UpcomingIndex& index, policy::Store& store, std::int64_t sequence);

  /// Begins to check and compile in the background. `compiled` is called there when a new file is in use, and brings it
  /// into force; `clock` says what time it is.
  void start(std::function<void()> compiled, std::function<policy::Time()> clock);
  void stop();

 private:
  std::filesystem::path file() const { return store_.string() + ".index"; }
  std::shared_ptr<const policy::Image> base() const;
  /// Takes the newer of two.
  void use(std::shared_ptr<const policy::Image> image);
  /// A new image of everything, mapped from its file; in memory when the file can't be written, which is told.
  std::shared_ptr<const policy::Image> compile(policy::Store& store, policy::Time now, const char* partial);
  void want_compile();
  void unless_stopping();
  void run();
  void do_jobs(bool check);
  void verify();
  void verify_record();
  void compile_anew();

  const std::filesystem::path store_;
  const Warn warn_;
  std::function<void()> compiled_;
  std::function<policy::Time()> clock_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::shared_ptr<const policy::Image> base_;                            // guarded by mutex_
  bool unverified_ = false, compile_wanted_ = false, stopping_ = false;  // guarded by mutex_
  bool record_unverified_ = true;                                        // of the thread
  std::mutex compiling_;               // by one who compiles everything beside others' work
  std::atomic<bool> give_way_{false};  // to one who wants to: what is compiled in the background is given up
  std::thread thread_;
};

}  // namespace placard::app
