# Platen. `make` alone lists the targets. Needs Go, git and make; what the tests
# talk to for real (scanimage, mosquitto, chromium, ...) is installed by `make peers`.
.DEFAULT_GOAL := help
SHELL := /bin/bash

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS  := -s -w -X main.version=$(VERSION)
TAGS     := nethttpomithttp2
GOBUILD  := CGO_ENABLED=0 go build -tags $(TAGS) -trimpath -ldflags '$(LDFLAGS)'

# Compiled for size: large packages where no time is spent. Inlining there costs
# half a megabyte, and small boxes have little of it.
SMALL := google.golang.org/protobuf/... github.com/nyaruka/... golang.org/x/text/... github.com/go-ldap/... \
	github.com/go-jose/... github.com/coreos/... github.com/go-resty/... go.yaml.in/... github.com/Azure/... \
	html/template text/template text/template/parse encoding/xml net/http
build cross dist bench: export GOFLAGS := $(shell go env GOFLAGS) $(foreach p,$(SMALL),-gcflags=$(p)=-l)

FUZZTIME ?= 10s
KILLS    ?= 200
# The broken forms that have to fail before anything lands; e2e plays them all.
BREAKS   := happy cut-after-commit wstrust-http-mex two-failures-pause saml-phone
TARGETS  := linux/amd64 linux/arm64 linux/arm/7 linux/arm/6 linux/mipsle/softfloat linux/riscv64 windows/amd64

# Packages that start no goroutine and take minutes under the race detector.
STILL    := /(agent/convert|protocols/faximage|simulator/paper)$$

GOLANGCI := bin/tools/golangci-lint-2.15.0
GOFUMPT  := bin/tools/gofumpt-0.12.0

.PHONY: help build demo test race fuzz check lint tidy e2e kills bench screens dist cross peers clean

help: ## list the targets
	@grep -hE '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

build: ## both binaries into bin/
	$(GOBUILD) -o bin/platen ./agent
	$(GOBUILD) -o bin/platen-sim ./simulator

demo: build ## one fax through a simulated world, then the panel to play with (ONCE=1: only the fax)
	bin/platen-sim demo $(if $(ONCE),--once) $(if $(MODE),--mode $(MODE))

test: peers race fuzz ## all tests under the race detector and 10 s of each fuzz target

race: ## all tests under the race detector
	CGO_ENABLED=1 go test -race -shuffle=on -timeout 20m $$(go list ./... | grep -vE '$(STILL)')
	CGO_ENABLED=0 go test -shuffle=on $$(go list ./... | grep -E '$(STILL)')
	CGO_ENABLED=0 go test -tags crashpoints -timeout 10m ./agent/crash ./agent/spool/bolt

fuzz: ## every fuzz target for FUZZTIME
	.ci/fuzz $(FUZZTIME)

check: lint test cross e2e-healthy ## what has to pass before anything lands

.PHONY: e2e-healthy
e2e-healthy: build
	bin/platen-sim run configs/scenarios/*.yaml
	bin/platen-sim run --breaks $(addprefix configs/scenarios/,$(addsuffix .yaml,$(BREAKS)))

e2e: build ## every scenario, in its healthy and in its broken form
	bin/platen-sim run configs/scenarios/*.yaml
	bin/platen-sim run --breaks configs/scenarios/*.yaml

kills: build ## KILLS kill -9 at random points of a running load
	go test -count=1 -timeout 60m -run TestKills ./simulator/e2e -kills $(KILLS) -v

bench: build ## size and memory of the agent
	go run ./simulator/bench

screens: build ## a picture of every panel screen into bin/screens
	go test -count=1 -run TestScreens ./agent/panel -screens $(CURDIR)/bin/screens

lint: $(GOLANGCI) $(GOFUMPT) ## formatting, vet and the linters
	@test -z "$$($(GOFUMPT) -l agent configs devices protocols simulator | tee /dev/stderr)"
	$(GOLANGCI) run ./...

tidy: ## go.mod and go.sum are what the code needs
	go mod tidy -diff

cross: ## builds for armv7
	CGO_ENABLED=0 GOOS=linux GOARCH=arm GOARM=7 go build -tags $(TAGS) -trimpath -ldflags '$(LDFLAGS)' -o bin/armv7/ ./agent ./simulator

dist: ## release binaries for every platform, with a table of sizes
	.ci/dist '$(TAGS)' '$(LDFLAGS)' $(TARGETS)

peers: ## install the real programs that the tests talk to
	.ci/peers

clean: ## remove everything built
	rm -rf bin

$(GOLANGCI):
	GOBIN=$(CURDIR)/bin/tools go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
	mv bin/tools/golangci-lint $@

$(GOFUMPT):
	GOBIN=$(CURDIR)/bin/tools go install mvdan.cc/gofumpt@v0.12.0
	mv bin/tools/gofumpt $@
