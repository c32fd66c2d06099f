#include "policy/public/notice_catalogue.hpp"

#include <fmt/format.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include <cassert>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>

#include "policy/record/toml.hpp"

namespace placard::policy {
namespace {

constexpr std::string_view kReference = "en";  // the catalogue the others are measured by

using Texts = std::map<std::string, std::string, std::less<>>;

/// Tables and arrays become dotted keys: "date.months.0".
void flatten(const toml::node& node, const std::string& key, Texts& out) {
  if (const auto* table = node.as_table()) {
    for (const auto& [name, child] : *table)
      flatten(child, key.empty() ? std::string(name.str()) : fmt::format("{}.{}", key, name.str()), out);
  } else if (const auto* array = node.as_array()) {
    std::size_t position = 0;
    for (const auto& child : *array) flatten(child, fmt::format("{}.{}", key, position++), out);
  } else if (const auto* text = node.as_string()) {
    out[key] = text->get();
  } else {
    out[key] = "";  // not a text: reported as an empty one
  }
}

std::set<std::string_view> places_of(std::string_view text) {
  std::set<std::string_view> places;
  for (auto open = text.find('{'); open != std::string_view::npos; open = text.find('{', open + 1)) {
    const auto close = text.find('}', open);
    if (close == std::string_view::npos) break;
    places.insert(text.substr(open, close - open + 1));
  }
  return places;
}

std::expected<Texts, std::string> read_texts(const EmbeddedFile& file) {
  Texts texts;
  const auto parsed = parse_toml(file.contents);
  if (!parsed) return std::unexpected(fmt::format("{}:{}: {}", file.name, parsed.error().line, parsed.error().message));
  flatten(*parsed, "", texts);
  for (const auto key : kNoticeTexts) {
    const auto at = texts.find(key);
    if (at == texts.end()) return std::unexpected(fmt::format("{}: the text \"{}\" is missing", file.name, key));
    if (at->second.empty()) return std::unexpected(fmt::format("{}: the text \"{}\" is empty", file.name, key));
  }
  for (const auto& [key, text] : texts) {
    if (std::ranges::find(kNoticeTexts, key) == std::end(kNoticeTexts)) {
      return std::unexpected(fmt::format("{}: nothing uses the text \"{}\"", file.name, key));
    }
  }
  const auto& direction = texts.find("direction")->second;
  if (direction != "ltr" && direction != "rtl")
    return std::unexpected(fmt::format("{}: direction is neither \"ltr\" nor \"rtl\"", file.name));
  return texts;
}

std::string sha256_source(std::string_view text) {
  std::array<unsigned char, 32> digest{};
  if (gnutls_hash_fast(GNUTLS_DIG_SHA256, text.data(), text.size(), digest.data()) != 0)
    throw std::runtime_error("SHA-256 is not available");
  const gnutls_datum_t raw{digest.data(), static_cast<unsigned>(digest.size())};
  gnutls_datum_t encoded{};
  if (gnutls_base64_encode2(&raw, &encoded) != 0) throw std::bad_alloc();
  auto result = fmt::format("sha256-{}", std::string_view(reinterpret_cast<const char*>(encoded.data), encoded.size));
  gnutls_free(encoded.data);
  return result;
}

struct Calendar {
  int year;
  unsigned month, day;
  std::int64_t hour, minute;
};

Calendar calendar_of(Time time) {
  using namespace std::chrono;
  constexpr Time kFirst = -62'167'219'200, kLast = 253'402'300'799;  // years 0000 to 9999: what a calendar can say
  const sys_seconds moment{seconds(std::clamp(time, kFirst, kLast))};
  const auto day = floor<days>(moment);
  const year_month_day date{day};
  const auto minutes = floor<std::chrono::minutes>(moment - day).count();
  return {int(date.year()), unsigned(date.month()), unsigned(date.day()), minutes / 60, minutes % 60};
}

}  // namespace

std::string fill_places(std::string_view pattern, std::initializer_list<NoticePlace> places) {
  std::string result;
  while (!pattern.empty()) {
    const auto open = pattern.find('{');
    result += pattern.substr(0, open);
    if (open == std::string_view::npos) break;
    pattern.remove_prefix(open);
    const auto close = pattern.find('}');
    const auto end = close == std::string_view::npos ? pattern.size() : close + 1;
    const auto place = std::ranges::find(places, close == std::string_view::npos ? "" : pattern.substr(1, close - 1),
                                         &NoticePlace::place);
    result += place == places.end() ? pattern.substr(0, end) : place->value;
    pattern.remove_prefix(end);
  }
  return result;
}

std::string NoticeCatalogue::date(Time time) const {
  constexpr auto kJanuary = NoticeText("date.months.0").position();
  const auto calendar = calendar_of(time);
  const auto day = calendar.day == 1 ? std::string((*this)("date.first")) : fmt::format("{}", calendar.day);
  return fill_places(
      (*this)("date.day"),
      {{"day", day}, {"month", texts_[kJanuary + calendar.month - 1]}, {"year", fmt::format("{}", calendar.year)}});
}

std::string NoticeCatalogue::moment(Time time) const {
  const auto calendar = calendar_of(time);
  return fill_places((*this)("date.moment"),
                     {{"date", date(time)}, {"time", fmt::format("{:02}:{:02}", calendar.hour, calendar.minute)}});
}

std::expected<NoticeCatalogues, std::string> NoticeCatalogues::load(std::span<const EmbeddedFile> files) {
  NoticeCatalogues result;
  std::map<std::string, Texts, std::less<>> languages;
  for (const auto& file : files) {
    if (file.name == "notice.css") {
      result.style_ = file.contents;
    } else if (file.name.ends_with(".toml")) {
      auto texts = read_texts(file);
      if (!texts) return std::unexpected(texts.error());
      languages.emplace(file.name.substr(0, file.name.size() - 5), std::move(*texts));
    }
  }
  const auto reference = languages.find(kReference);
  if (reference == languages.end())
    return std::unexpected(fmt::format("{}.toml: the reference catalogue is missing", kReference));
  if (result.style_.empty()) return std::unexpected("notice.css: the style sheet is missing");
  if (result.style_.find("</") != std::string::npos)
    return std::unexpected("notice.css: \"</\" would end the style element");

  const auto add = [&](const std::string& tag, const Texts& texts) -> std::optional<std::string> {
    NoticeCatalogue catalogue;
    catalogue.tag_ = tag;
    for (std::size_t i = 0; i < kNoticeTextCount; ++i) {
      const auto& text = texts.find(kNoticeTexts[i])->second;
      if (places_of(text) != places_of(reference->second.find(kNoticeTexts[i])->second)) {
        return fmt::format("{}.toml: the text \"{}\" has other {{places}} than in {}.toml", tag, kNoticeTexts[i],
                           kReference);
      }
      catalogue.texts_[i] = text;
    }
    result.tags_.push_back(tag);
    result.catalogues_.push_back(std::move(catalogue));
    return std::nullopt;
  };
  if (auto error = add(reference->first, reference->second)) return std::unexpected(*error);
  for (const auto& [tag, texts] : languages) {
    if (tag == kReference) continue;
    if (auto error = add(tag, texts)) return std::unexpected(*error);
  }
  result.style_hash_ = sha256_source(result.style_);
  return result;
}

}  // namespace placard::policy
