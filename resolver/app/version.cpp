// The one file that is compiled anew when the day has changed: PLACARD_BUILD_TIME comes from CMakeLists.txt.
#include "resolver/app/version.hpp"

namespace placard::app {

policy::Time build_time() {
  return PLACARD_BUILD_TIME;
}

}  // namespace placard::app
