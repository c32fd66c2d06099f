// Fields out of a TOML table, with a problem that names file, line, column and field for each that is wrong.
//
// Internal to decision_file.cpp. A reader is asked for each field once; finish() then tells the keys that nobody asked
// for, with the nearest one that is known.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "policy/record/authored.hpp"
#include "policy/record/toml.hpp"

namespace placard::policy {

inline Position position_of(const toml::source_region& region) {
  return {region.begin.line, region.begin.column};
}

/// All problems of one file.
struct FileProblems {
  std::string file;
  std::vector<Problem> problems;
  void add(Position position, std::string field, std::string message) {
    if (problems.size() < kMaxProblems) problems.push_back({file, position, std::move(field), std::move(message)});
  }
};

/// Letters to insert, remove or change to make one word of the other; at most one row of the table is kept.
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({changed, row[j] + 1, row[j - 1] + 1}));
    }
  }
  return row[b.size()];
}

inline std::string_view nearest(std::string_view word, const std::vector<std::string>& known) {
  std::string_view best;
  auto least = std::size_t{3};  // further away is another word
  if (word.size() > 40) return best;
  for (const auto& candidate : known) {
    if (const auto distance = edit_distance(word, candidate); distance < least) {
      least = distance;
      best = candidate;
    }
    // "decision_id" for "id", "decision_type" for "type": the vocabulary's words, where the table says the first half.
    if (best.empty() && candidate.size() > 1 && word.ends_with("_" + candidate)) best = candidate;
  }
  return best;
}

class TableReader {
 public:
  TableReader(const toml::table& table, std::string prefix, FileProblems& problems)
      : table_(table), prefix_(std::move(prefix)), problems_(problems) {}

  Position position() const { return position_of(table_.source()); }
  FieldPositions fields() const {
    FieldPositions fields;
    for (const auto& [key, value] : table_) {
      fields.emplace(key.str(), position_of(value.source()));
      const auto* languages = value.as_table();
      if (languages == nullptr) continue;
      for (const auto& [language, text] : *languages)
        fields.emplace(fmt::format("{}.{}", key.str(), language.str()), position_of(text.source()));
    }
    return fields;
  }

  void wrong(std::string_view key, std::string message) { wrong_at(table_.get(key), key, std::move(message)); }
  void wrong_at(const toml::node* node, std::string_view key, std::string message) {
    problems_.add(node != nullptr ? position_of(node->source()) : position(), fmt::format("{}.{}", prefix_, key),
                  std::move(message));
  }

  const toml::node* get(std::string_view key) {
    asked_.emplace_back(key);
    return table_.get(key);
  }
  bool has(std::string_view key) const { return table_.contains(key); }

  std::string string(std::string_view key, bool mandatory = false) {
    const auto* node = get(key);
    if (node == nullptr) {
      if (mandatory) wrong(key, "missing");
      return {};
    }
    const auto* value = node->as_string();
    if (value == nullptr)
      wrong(key, "must be a text in quotes");
    else if (mandatory && value->get().empty())
      wrong(key, "is empty");
    return value != nullptr ? value->get() : std::string();
  }

  bool boolean(std::string_view key, bool otherwise) {
    const auto* node = get(key);
    if (node == nullptr) return otherwise;
    if (const auto* value = node->as_boolean()) return value->get();
    wrong(key, "must be true or false");
    return otherwise;
  }

  std::optional<std::int64_t> integer(std::string_view key, std::int64_t least, std::int64_t most) {
    const auto* node = get(key);
    if (node == nullptr) return std::nullopt;
    const auto* value = node->as_integer();
    if (value != nullptr && value->get() >= least && value->get() <= most) return value->get();
    wrong(key, fmt::format("must be a whole number from {} to {}", least, most));
    return std::nullopt;
  }

  /// One of the words that `from_text` knows; `words` names them in the message.
  template <typename Enum>
  Enum word(std::string_view key, std::optional<Enum> (*from_text)(std::string_view), std::string_view words,
            std::optional<Enum> otherwise = {}) {
    if (!has(key) && otherwise) {
      get(key);
      return *otherwise;
    }
    const bool present = has(key);
    const auto text = string(key);
    const auto value = from_text(text);
    if (!present)
      wrong(key, fmt::format("missing: one of {}", words));
    else if (!value && table_.get(key)->is_string())
      wrong(key, fmt::format("'{}' is none of {}", text.substr(0, 40), words));
    return value.value_or(Enum{});
  }

  std::vector<std::string> strings(std::string_view key) {
    std::vector<std::string> values;
    const auto* node = get(key);
    if (node == nullptr) return values;
    const auto* array = node->as_array();
    if (array == nullptr) wrong(key, "must be a list of texts: [\"…\"]");
    if (array == nullptr) return values;
    for (const auto& element : *array) {
      if (const auto* value = element.as_string())
        values.push_back(value->get());
      else
        wrong_at(&element, key, "must be a text in quotes");
    }
    return values;
  }

  LocalizedText texts(std::string_view key) {
    LocalizedText texts;
    const auto* node = get(key);
    if (node == nullptr) {
      wrong(key, "missing: a text for each language, English (en) at least");
    } else if (const auto* english = node->as_string()) {
      texts.emplace("en", english->get());
    } else if (const auto* table = node->as_table()) {
      for (const auto& [language, value] : *table) {
        if (const auto* text = value.as_string())
          texts.emplace(language.str(), text->get());
        else
          wrong_at(&value, key, fmt::format("the text for '{}' must stand in quotes", language.str()));
      }
    } else {
      wrong(key, "must be a table of texts by language: { en = \"…\" }");
    }
    return texts;
  }

  /// A TOML date or offset date-time, or the same in quotes.
  std::optional<Time> time(std::string_view key) {
    const auto* node = get(key);
    if (node == nullptr) return std::nullopt;
    std::string text;
    if (const auto* string = node->as_string()) {
      text = string->get();
    } else if (const auto* date = node->as_date()) {
      text = date_text(date->get());
    } else if (const auto* date_time = node->as_date_time()) {
      const auto& value = date_time->get();
      if (!value.offset) {
        wrong(key, "has no offset from UTC; end it with Z or +12:00");
        return std::nullopt;
      }
      const int minutes = value.offset->minutes;
      text = fmt::format("{}T{:02}:{:02}:{:02}{}{:02}:{:02}", date_text(value.date), value.time.hour, value.time.minute,
                         value.time.second, minutes < 0 ? '-' : '+', std::abs(minutes) / 60, std::abs(minutes) % 60);
    } else {
      wrong(key, "must be a date or time, such as 2022-09-03 or 2022-09-03T12:30:00Z");
      return std::nullopt;
    }
    const auto time = time_from_text(text);
    if (time) return *time;
    wrong(key, time.error());
    return std::nullopt;
  }

  /// The tables of an array of tables; nothing when there is none.
  std::vector<const toml::table*> tables(std::string_view key) {
    std::vector<const toml::table*> tables;
    const auto* node = get(key);
    if (node == nullptr) return tables;
    const auto* array = node->as_array();
    if (array == nullptr)
      wrong(key, fmt::format("must be written [[{}{}]], with two brackets", prefix_.empty() ? "" : prefix_ + ".", key));
    if (array == nullptr) return tables;
    for (const auto& element : *array) {
      if (const auto* table = element.as_table())
        tables.push_back(table);
      else
        wrong_at(&element, key, "must be a table");
    }
    return tables;
  }

  /// Tells the keys that were not asked for.
  void finish() {
    for (const auto& [key, value] : table_) {
      if (std::ranges::find(asked_, key.str()) != asked_.end()) continue;
      const auto hint = nearest(key.str(), asked_);
      problems_.add(position_of(key.source()),
                    prefix_.empty() ? std::string(key.str()) : fmt::format("{}.{}", prefix_, key.str()),
                    hint.empty() ? std::string("there is no such key")
                                 : fmt::format("there is no such key; did you mean '{}'?", hint));
    }
  }

 private:
  static std::string date_text(const toml::date& date) {
    return fmt::format("{:04}-{:02}-{:02}", date.year, date.month, date.day);
  }

  const toml::table& table_;
  std::string prefix_;
  FileProblems& problems_;
  std::vector<std::string> asked_;
};

}  // namespace placard::policy
