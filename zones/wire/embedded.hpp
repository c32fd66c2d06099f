// Files of the source tree that the program carries inside itself (SQL schema, notice texts, styles).
//
// The build writes one function per group of files, `std::span<const placard::EmbeddedFile> NAME();`
// (CMakeLists.txt, placard_embed). Who uses a group declares its function. The contents live as long as the
// program and are followed by a NUL byte that `contents` does not count.
#pragma once

#include <span>
#include <string_view>

namespace placard {

struct EmbeddedFile {
  std::string_view name;      ///< file name without its folder, such as "en.toml"
  std::string_view contents;  ///< its bytes
};

}  // namespace placard
