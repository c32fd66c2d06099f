// What the cache holds of a name's answer, for `placard why`: the chain of aliases with addresses and name servers, as
// far as it is known. Nobody is asked, and what is not known is not there.
#pragma once

#include <vector>

#include "policy/public/research.hpp"
#include "resolver/recurse/resolver.hpp"

namespace placard::app {

inline constexpr std::size_t kMaxKnownLinks = 12;  ///< aliases that are followed

std::vector<policy::KnownLink> known_answer(const recurse::Cache& cache, const std::vector<recurse::Forward>& forwards,
                                            wire::NameView name, std::int64_t now);

}  // namespace placard::app
