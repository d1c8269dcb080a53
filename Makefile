# The commands of the repository. `make help` lists them.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=
# several processes share the tests, file by file, each with servers of its own
WHICH ?= not soak
SHARED = -n auto --dist loadfile --no-loadscope-reorder --max-worker-restart 0 --quiet -m "$(WHICH)"

COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

# Root in somebody else's checkout leaves nothing there that its owner cannot remove.
ifeq ($(shell id -u),0)
ifneq ($(shell stat -c %u .),0)
export PYTHONDONTWRITEBYTECODE := 1
GIVE_BACK := ; status=$$?; find . -xdev -user 0 -exec chown -h --reference=. {} +; exit $$status
endif
endif

.DEFAULT_GOAL := help
.PHONY: help install demo run test check bench requirements clean

help:  ## list the commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 24

install: $(STAMP)  ## make .venv from the hashed, pinned requirements

# The stamp is written last: a failed installation is started again, never half used.
$(STAMP): requirements/run.txt requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@rm -rf $(VENV)
	@echo "installing into $(VENV)"
	@( $(PYTHON) -m venv $(VENV) \
		&& $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
			-r requirements/run.txt -r requirements/dev.txt \
		&& touch $@ ) $(GIVE_BACK)

demo: install  ## the main job, shown: commands in, mail out, a table of what became of each
	@$(BIN)/python -m mailproject.embedded demo

run: install  ## the same stack, up until Ctrl-C; nothing is sent outside
	@$(BIN)/python -m mailproject.embedded run $(ARGS)

test: install  ## the tests, on servers of their own; with ARGS for pytest, those in one process
	@$(BIN)/python -m pytest $(or $(ARGS),$(SHARED)) $(GIVE_BACK)

check: install  ## format, lint, types, import rules, migrations, links of the docs
	@( set -e; \
		$(BIN)/ruff format --check --quiet .; \
		$(BIN)/ruff check --quiet .; \
		$(BIN)/mypy; \
		$(BIN)/lint-imports --no-logo; \
		DJANGO_SETTINGS_MODULE=mailproject.settings_for_tools $(BIN)/python -W ignore::RuntimeWarning \
			manage.py makemigrations --check --dry-run --skip-checks; \
		$(BIN)/python .ci/check_links.py ) $(GIVE_BACK)

bench: install  ## the time from the stream to the last recorded outcome; ARGS="prune" and others time a part
	@$(BIN)/python -m bench $(ARGS)

requirements: install  ## compile the pins again from requirements/*.in
	$(COMPILE) --output-file=requirements/run.txt requirements/run.in
	$(COMPILE) --output-file=requirements/dev.txt requirements/dev.in

clean:  ## remove what the commands made
	rm -rf $(VENV) .run .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
