// Tells of nearly every name of a long list, at once, that it is no public suffix; libpsl is asked about the rest.
//
// libpsl takes a third of a microsecond for each name, and can't be asked what is on its list. But it says the SHA-1 of
// the file that its own list was made from. Where that very file is installed (Debian's package `publicsuffix`), its
// rules go into a bitmap by hash. Where it is not, there is no filter and libpsl is asked about every name.
#pragma once

#include <bitset>
#include <cstddef>
#include <memory>
#include <string_view>

namespace placard::policy {

class SuffixFilter {
 public:
  /// Null when the file is not there, or another one, or says what can't be understood. Takes milliseconds.
  static std::shared_ptr<const SuffixFilter> load();

  /// False: the name with this key (stored_key) is no public suffix, of ICANN or private.
  bool may_hold(std::string_view key) const;

 private:
  static constexpr std::size_t kBits = std::size_t{1} << 18;  // for ten thousand rules: some 4% are asked about in vain
  static std::size_t bit_of(std::string_view key);
  bool add(std::string_view rule);

  std::bitset<kBits> rules_;
  std::bitset<kBits> above_any_;  // names below which every label makes a public suffix ("*.ck")
};

}  // namespace placard::policy
