// How an index is put together: images into layers, audiences into views, and what of the base the overlay restates.
#include <algorithm>
#include <cassert>
#include <map>
#include <stdexcept>

#include "policy/match/image_builder.hpp"
#include "policy/match/index.hpp"
#include "policy/match/views.hpp"

namespace placard::policy {

namespace {

std::vector<std::string> words_of_scope(std::string_view scope) {
  std::vector<std::string> codes;
  while (!scope.empty()) {
    const auto word = scope.substr(0, scope.find(' '));
    if (!word.empty()) codes.emplace_back(word);
    scope.remove_prefix(std::min(scope.size(), word.size() + 1));
  }
  return codes;
}

}  // namespace

Index::Index() = default;
Index::~Index() = default;

std::shared_ptr<const Index> Index::compile(const CompileInput& input, std::uint64_t generation,
                                            const IndexTuning& tuning) {
  ImageOptions options;
  options.log_sequence = input.log_sequence;
  options.seed = tuning.seed;
  return assemble(image_of(input.decisions, options, false), nullptr, input.views, input.policies, generation);
}

std::shared_ptr<const Index> Index::assemble(std::shared_ptr<const Image> base, std::shared_ptr<const Image> overlay,
                                             std::vector<View> views, std::vector<SourcePolicy> policies,
                                             std::uint64_t generation) {
  if (const auto checked = check_views(views); !checked) throw std::invalid_argument(checked.error());
  assert(policies.size() < UINT16_MAX);
  auto index = std::make_shared<Index>();
  index->views_ = complete_views(std::move(views));
  index->policies_ = std::move(policies);
  index->zone_wildcards_ = std::ranges::any_of(index->policies_, &SourcePolicy::zone_wildcards);
  index->generation_ = generation;
  index->seed_ = base->view().header().seed;
  index->first_ranks_.assign(index->views_.size(), {UINT16_MAX, UINT16_MAX, UINT16_MAX, UINT16_MAX, UINT16_MAX});
  index->clients_ = std::make_unique<const ClientViews>(index->views_);
  index->add_layer(0, std::move(base));
  if (overlay) {
    assert(overlay->view().header().seed == index->seed_);
    index->add_layer(1, std::move(overlay));
    index->find_overrides();
  }
  return index;
}

void Index::add_layer(std::size_t number, std::shared_ptr<const Image> image) {
  auto& layer = layers_[number];
  layer_count_ = number + 1;
  layer.view = image->view();
  layer.image = std::move(image);
  most_labels_ = std::max<std::size_t>(most_labels_, layer.view.header().most_labels);
  const auto rows = layer.view.audiences();
  layer.audiences.resize(rows.size());
  layer.ranks.assign(rows.size() * views_.size(), kNoRank);
  for (std::size_t a = 0; a < rows.size(); ++a) {
    const auto authority = layer.view.text(rows[a].authority, rows[a].authority_size);
    const auto list = layer.view.text(rows[a].list, rows[a].list_size);
    const auto scope = words_of_scope(layer.view.text(rows[a].scope, rows[a].scope_size));
    for (std::size_t v = 0; v < views_.size(); ++v) {
      const auto rank = rank_of_source(views_[v], authority, rows[a].order != 0, list);
      layer.ranks[a * views_.size() + v] = rank;
      if (rank == kNoRank || !scope_applies(scope, views_[v].jurisdictions)) continue;
      layer.audiences[a].views |= std::uint64_t{1} << v;
      for (std::size_t t = 0; t < first_ranks_[v].size(); ++t)
        if ((rows[a].triggers >> t & 1) != 0) first_ranks_[v][t] = std::min(first_ranks_[v][t], rank);
    }
    // One list's policy before its authority's.
    for (std::size_t p = 0; p < policies_.size(); ++p) {
      const bool of_list = is_source(policies_[p].source, {}, list);
      if (of_list || (layer.audiences[a].policy < 0 && policies_[p].source == authority))
        layer.audiences[a].policy = static_cast<int>(p);
      if (of_list) break;
    }
  }
}

void Index::find_overrides() {
  const auto& base = layers_[0].view;
  const auto& overlay = layers_[1].view;
  for (std::uint32_t row = 0; row < overlay.decisions().size(); row = behind_chain(overlay, row)) {
    const auto* decision = overlay.decision(row);
    if (decision == nullptr) continue;
    if (const auto restated = find_decision(base, decision->number, list_of(overlay, *decision)))
      overrides_.emplace_back(*restated, row);
  }
  std::sort(overrides_.begin(), overrides_.end());
}

std::size_t Index::decision_count() const {
  std::size_t count = 0;
  for (std::size_t layer = 0; layer < layer_count_; ++layer) count += layers_[layer].view.header().decision_count;
  return count - std::min(count, overrides_.size());
}

std::size_t Index::private_memory() const {
  std::size_t octets = clients_->memory() + views_.size() * sizeof(View) + overrides_.capacity() * sizeof overrides_[0];
  for (std::size_t number = 0; number < layer_count_; ++number) {
    const auto& layer = layers_[number];
    octets += layer.audiences.capacity() * sizeof(Audience) + layer.ranks.capacity() * sizeof(std::uint16_t);
    if (!layer.image->is_mapped()) octets += layer.view.bytes().size();
  }
  return octets;
}

std::size_t Index::memory() const {
  std::size_t octets = private_memory();
  for (std::size_t number = 0; number < layer_count_; ++number)
    if (layers_[number].image->is_mapped()) octets += layers_[number].view.bytes().size();
  return octets;
}

void Index::each_key(const std::function<void(wire::Bytes key, unsigned triggers)>& visit) const {
  const auto triggers_of = [](const ImageView& image, const KeyEntry& entry) {
    unsigned triggers = 0;
    for (std::size_t i = 0; i < entry.size(); ++i)
      if (const auto* rule = image.rule(entry[i])) triggers |= 1U << rule->trigger;
    return triggers;
  };
  std::map<std::vector<std::uint8_t>, unsigned> fresh;  // of the overlay, which is small
  if (layer_count_ > 1) {
    const auto& overlay = layers_[1].view;
    overlay.each_key([&](const KeyEntry& entry) {
      fresh.emplace(std::vector(entry.key().begin(), entry.key().end()), triggers_of(overlay, entry));
    });
  }
  layers_[0].view.each_key([&](const KeyEntry& entry) {
    const auto triggers = triggers_of(layers_[0].view, entry);
    if (!fresh.empty())
      if (const auto both = fresh.find({entry.key().begin(), entry.key().end()}); both != fresh.end()) {
        both->second |= triggers;
        return;
      }
    visit(entry.key(), triggers);
  });
  for (const auto& [key, triggers] : fresh) visit(key, triggers);
}

}  // namespace placard::policy
