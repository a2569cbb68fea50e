#include "cli/commands.hpp"

int main(int argc, char** argv) { return static_cast<int>(sluice::client::run(argc, argv)); }
