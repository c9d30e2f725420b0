-- Health of a MicroserviceApp for Argo CD, from the conditions of its status.
-- Put it into the ConfigMap argocd-cm under resource.customizations.health.msapp.dev_MicroserviceApp.
local hs = {status = "Progressing", message = "waiting for the operator"}

local status = obj.status
local generation = obj.metadata.generation
if status == nil or status.conditions == nil or status.observedGeneration ~= generation then
  return hs
end

local found = {}
for _, condition in ipairs(status.conditions) do
  found[condition.type] = condition
end

local function is_true(kind)
  return found[kind] ~= nil and found[kind].status == "True"
end

if is_true("Stalled") then
  return {status = "Degraded", message = found.Stalled.message}
end
if obj.spec ~= nil and obj.spec.suspend == true then
  return {status = "Suspended", message = "the operator leaves every object of this app alone"}
end
-- A Secret or ConfigMap that is still to come is no failure: a sync with waves would end at it.
if is_true("Degraded") and found.Degraded.reason ~= "MissingReference" then
  return {status = "Degraded", message = found.Degraded.message}
end
if found.Ready ~= nil then
  hs.message = found.Ready.message
end
if is_true("Ready") then
  hs.status = "Healthy"
end
return hs
