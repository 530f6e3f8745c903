// SPDX-License-Identifier: MIT
#include "protocols.hpp"

#include <fmt/format.h>

#include <lifelong/core/error.hpp>
#include <sstream>

#include "text.hpp"

namespace lab {

namespace {

std::vector<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

const char* const hsu = "Hsu 2018 (GT-RIPL), Table 2";
const char* const agem = "Chaudhry 2019, the authors' records";
const char* const der = "Buzzega 2020, Table 2";
const char* const van_de_ven = "van de Ven 2025, Table 1";

Part split(const std::string& scenario, const std::string& distillation, std::vector<Published> published) {
  return {scenario,
          words("--stream split --scenario " + scenario +
                " --hidden 400,400 --epochs 4 --batch-size 128 --memory 1100 --alpha der++=0.5 --beta der++=1"
                " --methods finetune,l2,online-ewc,si,mas," +
                distillation + ",er,der++,joint"),
          std::move(published)};
}

Part twenty(const std::string& name, const std::string& stream, const std::string& settings,
            std::vector<Published> published) {
  return {name,
          words("--stream " + stream +
                " --tasks 20 --hidden 100,100 --epochs 1 --batch-size 128 --optimizer sgd --learning-rate 0.2"
                " --memory 500 --methods finetune,er,der,der++,joint " +
                settings),
          std::move(published)};
}

const std::string homework =
    "--stream rotated --degrees 20 --tasks 5 --hidden 1024,512,256 --epochs 10 --batch-size 128 --learning-rate 1e-4"
    " --optimizer-state reset";

const std::string seventeen =
    "--stream permuted --tasks 17 --train-samples 55000 --hidden 256,256 --epochs 1 --batch-size 10 --optimizer sgd";

}  // namespace

const std::vector<Protocol>& protocols() {
  static const std::vector<Protocol> all{
      {"homework",
       "five rotations, as a course on machine learning sets them: methods as its notebook has them, with each task "
       "counted once, exact ones, and those closest to joint training",
       "mnist",
       {{"notebook", words(homework + " --methods finetune,hw14-ewc,hw14-mas,hw14-si,hw14-rwalk,hw14-scp"), {}},
        {"once", words(homework + " --methods hw14-ewc-once,hw14-mas-once,hw14-rwalk-once,hw14-scp-once"), {}},
        {"exact",
         words(homework + " --methods ewc,si,mas,rwalk,scp,finetune,joint --strength ewc=1220 --strength si=100"
                          " --strength mas=0.316 --strength rwalk=20 --strength scp=300"),
         {}},
        {"closest",
         words(homework + " --methods kfac,lwf,kfac+lwf --strength kfac=50 --strength lwf=1.33 --strength kfac+lwf=30"
                          " --distillation kfac+lwf=1.33"),
         {}}}},
      {"pathint",
       "ten permutations in a wide network, as Synaptic Intelligence was published",
       "mnist",
       {{"permuted",
         words("--stream permuted --tasks 10 --hidden 2000,2000 --epochs 20 --batch-size 256 --strength si=0.1"
               " --methods finetune,si"),
         {{"finetune", 57.41, "Zenke 2017, the authors' records"},
          {"si", 96.94, "Zenke 2017, the authors' records"}}}}},
      {"agem",
       "seventeen permutations, each seen once, as A-GEM was published",
       "mnist",
       {{"at-0.03",
         words(seventeen + " --learning-rate 0.03 --methods finetune,online-ewc --strength online-ewc=10"),
         {{"finetune", 47.95, agem}, {"online-ewc", 68.35, agem}}},
        {"at-0.1",
         words(seventeen + " --learning-rate 0.1 --final-rate 0.1 --memory 4250 --memory-batch 128"
                           " --strength mas=0.008 --strength rwalk=10 --methods mas,rwalk,a-gem,er,joint"),
         {{"mas", 69.85, agem}, {"rwalk", 85.80, agem}, {"a-gem", 89.12, agem}, {"joint", 95.38, agem}}}}},
      {"scenarios",
       "five tasks of two classes: the task known, the domain shared, or the classes to be told apart",
       "mnist",
       {split("task", "lwf",
              {{"finetune", 93.46, hsu},
               {"l2", 98.18, hsu},
               {"online-ewc", 98.04, hsu},
               {"si", 98.56, hsu},
               {"mas", 99.22, hsu},
               {"lwf", 99.60, hsu},
               {"er", 99.40, hsu},
               {"joint", 99.52, hsu}}),
        split("domain", "lwf",
              {{"finetune", 55.16, hsu},
               {"l2", 66.00, hsu},
               {"online-ewc", 57.33, hsu},
               {"si", 64.76, hsu},
               {"mas", 68.57, hsu},
               {"lwf", 71.02, hsu},
               {"er", 95.16, hsu},
               {"joint", 98.59, hsu}}),
        split("class", "lwf,lwf-zero",
              {{"finetune", 19.71, hsu},
               {"l2", 22.52, hsu},
               {"online-ewc", 19.77, hsu},
               {"si", 19.67, hsu},
               {"mas", 19.52, hsu},
               {"lwf-zero", 24.17, hsu},
               {"er", 90.78, hsu},
               {"joint", 97.53, hsu}})}},
      {"der",
       "twenty permutations and twenty random rotations with 500 stored images, as DER was published",
       "mnist",
       {twenty("permuted", "permuted", "--alpha der=0.3 --alpha der++=0.3 --beta der++=0.5",
               {{"finetune", 40.70, der},
                {"er", 80.6, der},
                {"der", 87.3, der},
                {"der++", 88.2, der},
                {"joint", 94.33, der}}),
        twenty("rotated", "rotated --degrees random", "--alpha der=0.05 --alpha der++=0.1 --beta der++=1",
               {{"finetune", 67.66, der},
                {"er", 88.9, der},
                {"der", 92.2, der},
                {"der++", 92.8, der},
                {"joint", 95.76, der}})}},
      {"fisher-variants",
       "five ways to compute the Fisher information of online EWC, on five tasks of two classes",
       "mnist",
       {{"task",
         words("--stream split --scenario task --hidden 400,400 --epochs 21 --batch-size 128 --test-after task"
               " --methods finetune,online-ewc,ewc-few,ewc-sampled,ewc-empirical,ewc-batch --strength online-ewc=1e5"
               " --strength ewc-few=1e6 --strength ewc-sampled=1e8 --strength ewc-empirical=1e8"
               " --strength ewc-batch=1e10"),
         {{"finetune", 85.41, van_de_ven},
          {"online-ewc", 99.12, van_de_ven},
          {"ewc-few", 98.93, van_de_ven},
          {"ewc-sampled", 99.12, van_de_ven},
          {"ewc-empirical", 99.12, van_de_ven},
          {"ewc-batch", 99.11, van_de_ven}}}}},
      {"rotations",
       "twenty random rotations with penalties, as Mammoth sets them",
       "mnist",
       {{"rotated",
         words("--stream rotated --degrees random --tasks 20 --hidden 100,100 --epochs 1 --batch-size 128"
               " --optimizer sgd --learning-rate 0.1 --memory 200 --methods finetune,si,online-ewc,er,joint"
               " --strength si=0.3 --strength online-ewc=3"),
         {{"finetune", 67.66, der},
          {"si", 71.91, der},
          {"online-ewc", 77.35, der},
          {"er", 85.01, der},
          {"joint", 95.76, der}}}}},
      {"kfac",
       "ten and fifty permutations with Kronecker factors",
       "mnist",
       {{"ten",
         words("--stream permuted --tasks 10 --hidden 512 --epochs 3 --batch-size 256 --strength kfac=4"
               " --methods finetune,online-ewc,kfac,joint"),
         {}},
        {"fifty",
         words("--stream permuted --tasks 50 --hidden 100,100 --epochs 5 --batch-size 256 --test-after task"
               " --strength kfac=4 --methods finetune,online-ewc,kfac,joint"),
         {{"kfac", 90, "Ritter 2018, abstract: above"}}}}},
      {"demo",
       "five rotations of Fashion-MNIST with all families, as scripts/demo.sh",
       "fashion-mnist",
       {{"rotated",
         words("--stream rotated --tasks 5 --train-samples 40000 --hidden 256,256 --epochs 3 --batch-size 128"
               " --memory 500 --methods finetune,online-ewc,kfac,er,kfac+er,joint"),
         {}}}}};
  return all;
}

const Protocol& protocol_called(const std::string& name) {
  std::vector<std::string> known;
  for (const Protocol& protocol : protocols()) {
    if (protocol.name == name) return protocol;
    known.push_back(protocol.name);
  }
  throw lifelong::InvalidArgument(fmt::format("there is no protocol '{}', only {}", name, joined(known)));
}

}  // namespace lab
