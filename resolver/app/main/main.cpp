#include "resolver/app/commands.hpp"

int main(int argc, char** argv) {
  return placard::app::run_command(argc, argv);
}
