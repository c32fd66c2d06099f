// The case that the tests of the notice share: the DEMONSTRATION decision about kiwifarms.net, and a reader of
// documents.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "policy/public/notice.hpp"

std::span<const placard::EmbeddedFile> embedded_notice();

namespace placard::policy::test {

/// The program's own catalogues; fails the test when they do not load.
const NoticeCatalogues& catalogues();

NoticeFacts demonstration();
NoticeOperator test_operator();

/// A GET for kiwifarms.net from a browser of that language.
NoticeRequest visit(std::string_view accept_language = "en");

NoticeDocument render(const NoticeRequest& request, const NoticeFacts* facts);

/// The header's value, empty when absent.
std::string header(const NoticeDocument& document, std::string_view name);

}  // namespace placard::policy::test
